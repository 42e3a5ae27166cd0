"""A study of ratings as tables and plain words: each rule beside the plain mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from sim.report.printable import make_printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sim.experiment.ratings import Labelling, RatingStudy, RuleFigures
    from sim.experiment.registry_shift import Shift

NOTHING = "-"
AREA = (
    "AUC: the chance that a random fraud scores below a random benign user, ties counting one "
    "half; 0.5 is a coin. In brackets stands the figure of the plain mean of the ratings received."
)
SEEDED = (
    "A rule that starts from the trusted user alone has nothing to start from once the ratings by "
    "that user are masked: 0.5 or near it is then the right figure."
)
SHIFT = (
    "One record: agents with at least three records whose score one more record of value 2^127 - 1 "
    "moves by half or more. The published figures are of the registry on Base (ERC-8004 reputation "
    "study, 2026), whose records are not at hand; that clamping helps most carries over to other "
    "networks, the percentages do not."
)
_FIELD_OF_MASK = {"none": "auc", "labelling": "auc_masked", "closure": "auc_closure"}
_HEADING_OF_MASK = {
    "none": "AUC, all",
    "labelling": "AUC, masked",
    "closure": "AUC, closure",
}


def build_ratings_report(study: RatingStudy, quiet: bool = False) -> Group:
    """The table of the rules and, where records were judged, that of one record; then the notes."""
    parts: list[Table | Text] = [build_table(study)]
    if study.one_record_shift:
        parts.append(build_shift_table(study.one_record_shift))
    if not quiet:
        parts += [Text(note) for note in build_notes(study)]
    return Group(*parts)


def rank_rules(study: RatingStudy) -> list[RuleFigures]:
    """Rules by their area under the mask chosen, best first; those without one last."""
    field = _FIELD_OF_MASK[study.mask]
    return sorted(study.rules, key=lambda row: -(getattr(row, field) or 0.0))


def build_table(study: RatingStudy) -> Table:
    """A row a rule and a column for each thing that was asked for."""
    title = Text(
        f"{make_printable(study.source)}: {study.ratings} ratings, {study.users} users, "
        f"largest rating {study.scale:g}"
    )
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("rule", no_wrap=True)
    columns = _find_columns(study)
    for heading in (*(heading for heading, _, _ in columns), "users known", "median score"):
        table.add_column(heading)
    for row in rank_rules(study):
        figures = [(getattr(row, field), getattr(study.baseline, field)) for _, field, _ in columns]
        cells = [
            _format_beside(*pair, show) for pair, (_, _, show) in zip(figures, columns, strict=True)
        ]
        median = NOTHING if row.median_score is None else _format_area(row.median_score)
        table.add_row(Text(make_printable(row.rule)), *cells, str(row.known), median)
    return table


def _find_columns(study: RatingStudy) -> list[tuple[str, str, Callable[[float], str]]]:
    """Heading, field and format of each column that stands beside the plain mean's."""
    columns: list[tuple[str, str, Callable[[float], str]]] = []
    if study.labels is not None:
        for mask, field in _FIELD_OF_MASK.items():
            mark = " *" if mask == study.mask else ""
            columns.append((f"{_HEADING_OF_MASK[mask]}{mark}", field, _format_area))
    if study.later is not None:
        columns.append(("AUC, later", "auc_later", _format_area))
    if study.collective:
        columns.append(("leader above", "leader_percentile", _format_percent))
    return columns


def build_shift_table(shifts: Sequence[Shift]) -> Table:
    """Published shares beside those of the network given."""
    title = Text("Agents whose score one record moves by half")
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("rule", "published, Base", "here", "agents here"):
        table.add_column(heading, no_wrap=True)
    for shift in shifts:
        here = NOTHING if shift.moved_percent is None else f"{shift.moved_percent:.2f} %"
        agents = "published only" if shift.agents is None else str(shift.agents)
        table.add_row(shift.rule, f"{shift.published_percent:.2f} %", here, agents)
    return table


def build_notes(study: RatingStudy) -> list[str]:
    """What has to be known to read the tables, and only what occurs in them."""
    notes = [f"{build_reading(study)}\n"] if study.labels is not None else []
    chosen = "as asked" if study.is_seed_given else "by default: user 1, or else the first rater"
    notes.append(f"Trusted from the start is user {make_printable(study.trust_seed)}, {chosen}.")
    if study.labels is not None or study.later is not None:
        notes.append(AREA)
    if study.labels is not None:
        notes += [_describe_labels(study.labels, study.trust_seed), SEEDED]
    if study.later is not None:
        later = study.later
        notes.append(
            f"Later ratings: learned from the first {later.learned}, judged on {later.judged} of "
            f"which {later.judged_negative} are negative. Of {later.ratee_unknown} more, "
            f"{later.ratee_unknown_negative} of them negative, the ratee had no rating to learn "
            "from: nothing could be foreseen, and they are in no figure."
        )
    if study.collective:
        notes.append(
            f"Leader: {study.collective} newcomers rate each other and one leader with the best "
            "rating; shown is the share of rated users that the leader then stands above."
        )
    if study.one_record_shift:
        notes.append(SHIFT)
    return notes


def build_reading(study: RatingStudy) -> str:
    """One paragraph in plain words: who ranks best, and whether that beats the plain mean."""
    field = _FIELD_OF_MASK[study.mask]
    ranked = [row for row in rank_rules(study) if getattr(row, field) is not None]
    plain = getattr(study.baseline, field)
    if not ranked or plain is None:
        return "The labels hold only one kind of user, so nothing can be told apart."
    best = ranked[0]
    better = [row for row in ranked if getattr(row, field) > plain]
    clearly = [row.rule for row in better if (row.lead or 0.0) > (row.lead_margin or 0.0)]
    seen = "all ratings seen" if study.mask == "none" else f"ratings masked ({study.mask})"
    text = (
        f"With {seen}, {make_printable(best.rule)} tells fraud from benign best: "
        f"AUC {_format_area(getattr(best, field))}, against {_format_area(plain)} for the plain "
        f"mean. {len(better) or 'None'} of {len(ranked)} rules stand above the mean"
    )
    if not better:
        return f"{text}."
    named = ", ".join(map(make_printable, clearly)) or "none of them"
    text += f"; by more than the luck of which users are labelled (95 %, each alone): {named}."
    if best.lead is not None and best.lead_margin is not None and best in better:
        text += f" {make_printable(best.rule)} leads by {best.lead:.4f} +- {best.lead_margin:.4f}."
    return text


def _describe_labels(labels: Labelling, trust_seed: str) -> str:
    n = labels.benign + labels.fraud
    circle = f"the circle of user {make_printable(trust_seed)}"
    text = (
        f"Labels: {labels.benign} benign, {labels.fraud} fraud. {labels.rebuilt} of {n} follow "
        f"from the ratings that {circle} gave."
    )
    if labels.rebuilt:
        text += " A rule that sees those ratings sees labels, so the first column flatters."
    return (
        f"{text} Masked: without them, {labels.ratings_masked} of {labels.ratings} ratings; "
        f"closure: without those of all whom it praises, {labels.ratings_closure}. The rows "
        "stand in the order of the column with the star."
    )


def _format_beside(figure: float | None, plain: float | None, show: Callable[[float], str]) -> str:
    if figure is None:
        return NOTHING
    return f"{show(figure)} ({NOTHING if plain is None else show(plain)})"


def _format_area(figure: float) -> str:
    return f"{figure:.4f}"


def _format_percent(figure: float) -> str:
    return f"{100 * figure:.1f} %"
