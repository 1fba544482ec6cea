"""The weights that the denoiser of the measured presets starts from: fitted to synthetic images, once.

No image of a microscope has had a part in them, nor any image that was not made by a formula here. They are
where a fit begins, nothing more: what comes back is fitted to the one noisy plane, as from any other start.
"""
