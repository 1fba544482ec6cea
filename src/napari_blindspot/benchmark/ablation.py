"""The paper's own questions on the same data: p0, loss terms, dilation, number of iterations.

Tables 3, 4 and 5 and Figure 6 of Quan et al. (CVPR 2025), each row one setting changed in a preset.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_blindspot.benchmark.contest import run_and_report
from napari_blindspot.benchmark.methods import available_methods
from napari_blindspot.benchmark.plots import plot_iterations
from napari_blindspot.benchmark.report import quick_note
from napari_blindspot.benchmark.runner import MethodVariant
from napari_blindspot.core.errors import SettingsError
from napari_blindspot.settings import PaperSettings, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from napari_blindspot.benchmark.pairs import FoundPairs
    from napari_blindspot.benchmark.report import ScoreReport

__all__ = ["STUDIES", "Study", "run_studies", "study_groups", "study_variants"]


@dataclass(frozen=True, slots=True)
class Study:
    """One table of the paper.

    Attributes
    ----------
    name : str
        For ``--studies``.
    title : str
    variants : dict
        Label to the settings that it changes; those that change nothing are the preset itself.
    """

    name: str
    title: str
    variants: dict[str, dict[str, Any]]


_ALONE = {"losses": ("denoising",), "fill": "zero", "dilation": 0}
"""L_dn by itself: the complement of the visible set is predicted, "same as Self2Self" (section 4.4)."""


def _studies(usual: Settings) -> tuple[Study, ...]:
    """Return the studies; the numbers of iterations are thirds and doubles of the preset's own."""
    counts = sorted({max(1, round(usual.iterations * share)) for share in (0.25, 0.5, 0.75, 1.0, 1.5, 2.0)})
    fractions = (0.5, 0.3, 0.1, 0.05)
    # What the paper calls dilation is the gap of the presets that measure the noise.
    gap = "dilation" if isinstance(usual, PaperSettings) else "gap"
    return (
        Study(
            "p0", "Visible fraction p0 (Table 3)", {f"p0={p}": {"visible_fraction": p} for p in fractions}
        ),
        Study(
            "losses",
            "Loss terms (Table 4)",
            {
                "L_dn": _ALONE,
                "L_dn+L_inr": {"losses": ("denoising", "inr")},
                "L_dn+L_mc": {"losses": ("denoising", "consistency")},
                "L_dn+L_inr+L_mc": {},
            },
        ),
        Study("dilation", "Dilation (Table 5)", {f"{gap}={k}": {gap: k} for k in range(4)}),
        Study(
            "iterations",
            "Iterations (Figure 6)",
            {f"iterations={n}": {"iterations": n} for n in counts},
        ),
        Study(
            "readings",
            "Points that the paper leaves open, as they can be read otherwise",
            {
                "one channel": {"input_channels": 1},
                "INR not trained": {"train_inr": False},
                "fill detached": {"detach_fill": True},
                "no encoding": {"inr_octaves": 0},
            },
        ),
    )


STUDIES = tuple(study.name for study in _studies(Settings.from_preset("paper")))


def study_variants(
    preset: str, names: Iterable[str] | None, iterations: int | None
) -> tuple[list[MethodVariant], list[str]]:
    """Return every variant of these studies once; variants that are the preset itself share a run.

    Parameters
    ----------
    preset : str
        What is varied.
    names : iterable of str, optional
        Of `STUDIES`; all of them if not given.
    iterations : int, optional
        Base number in place of the preset's.

    Returns
    -------
    variants : list of MethodVariant
        The preset first.
    skipped : list of str
        One line for each variant that the preset cannot have.

    Raises
    ------
    SettingsError
        If there is no such preset or study.
    """
    usual, studies = _chosen(preset, names, iterations)
    method = available_methods()[preset]
    skipped: list[str] = []
    variants: dict[str, MethodVariant] = {preset: MethodVariant(preset, method, _base(iterations))}
    for study in studies:
        for label, changes in study.variants.items():
            if _is_usual(usual, changes):
                continue
            try:
                Settings.parse({**usual.model_dump(), **changes})
            except SettingsError as error:
                skipped.append(f"{label} is skipped: {error}")
                continue
            variants[label] = MethodVariant(label, method, {**_base(iterations), **changes})
    return list(variants.values()), skipped


def study_groups(preset: str, names: Iterable[str] | None, iterations: int | None) -> dict[str, list[str]]:
    """Return the title of each study with the names of its rows, the preset itself in its place."""
    usual, studies = _chosen(preset, names, iterations)
    groups = {}
    for study in studies:
        names_here = [
            preset if _is_usual(usual, changes) else label for label, changes in study.variants.items()
        ]
        groups[study.title] = list(dict.fromkeys([*names_here, preset]))
    return groups


def run_studies(
    found: FoundPairs,
    preset: str,
    names: Sequence[str] | None,
    iterations: int | None,
    report: ScoreReport,
    out: Path,
    echo: Callable[[str], object],
) -> None:
    """Run every variant on the images, and write the tables and the picture of the iterations.

    Parameters
    ----------
    found : FoundPairs
        The images.
    preset, names, iterations
        As for `study_variants`.
    report : ScoreReport
        Title, options and published figures; what belongs to the studies is filled in.
    out : Path
        Folder of the results; an earlier run in it resumes.
    echo : callable
        Gets a line about every result.

    Raises
    ------
    SettingsError
        If there is no such preset or study.
    """
    variants, skipped = study_variants(preset, names, iterations)
    report = replace(
        report,
        names=[variant.name for variant in variants],
        # Every variant carries its own number of iterations, so the runner must not set another.
        options=replace(report.options, iterations=None),
        skipped=skipped,
        notes=quick_note(iterations),
        groups=study_groups(preset, names, iterations),
    )
    extra = {"preset": preset, "iterations": iterations}
    table = run_and_report(found.pairs, variants, out, report, echo, found.problems, extra)
    usual = Settings.from_preset(preset, iterations=iterations).iterations
    if plot_iterations(out / "iterations.png", table, preset, usual):
        echo(f"Wrote iterations.png to {out}.")


def _chosen(
    preset: str, names: Iterable[str] | None, iterations: int | None
) -> tuple[Settings, list[Study]]:
    usual = Settings.from_preset(preset, iterations=iterations)
    studies = {study.name: study for study in _studies(usual)}
    wanted = list(studies) if names is None else list(names)
    for name in wanted:
        if name not in studies:
            raise SettingsError(f"There is no study {name!r}; choose from: {', '.join(studies)}.")
    return usual, [studies[name] for name in wanted]


def _base(iterations: int | None) -> dict[str, Any]:
    """Return the settings that all variants of a quick look have."""
    return {} if iterations is None else {"iterations": iterations}


def _is_usual(usual: Settings, changes: dict[str, Any]) -> bool:
    """Whether settings are as they would be with some of them changed."""
    values = usual.model_dump()
    return all(name in values and values[name] == value for name, value in changes.items())
