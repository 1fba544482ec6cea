"""The Denoise widget: one layer in, its denoised image and its INR out, live."""
