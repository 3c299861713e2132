"""Plain text tables that fit 80 columns."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 80
"""Columns of a terminal that every table fits, unless a single word is longer."""

_GAP = "  "
_HEAD_WIDTH = 16


@dataclass(frozen=True)
class Block:
    """A column of values under a heading.

    Attributes:
        heading: Name of the column; wrapped when it is long.
        cells: One text per row.
    """

    heading: str
    cells: tuple[str, ...]


def side_by_side(labels: Sequence[str], blocks: Sequence[Block]) -> str:
    """Lays columns of values beside their labels, right-aligned, in as many tables as their width needs.

    Args:
        labels: One label per row.
        blocks: The columns, each with one cell per label.

    Returns:
        Lines of text, without a final line end.
    """
    label_width = max((len(label) for label in labels), default=0)
    tables = [_one_table(labels, label_width, group) for group in _groups(blocks, WIDTH - label_width)]
    return "\n\n".join(tables)


def name_and_text(rows: Sequence[tuple[str, str]]) -> str:
    """Lays names beside texts, which are wrapped.

    Args:
        rows: Names and their texts; a text may have several lines.

    Returns:
        Lines of text, without a final line end.
    """
    width = max((len(name) for name, _text in rows), default=0)
    room = max(WIDTH - width - len(_GAP), 30)
    lines = []
    for name, text in rows:
        wrapped = [part for line in text.split("\n") for part in textwrap.wrap(line, room) or [""]]
        heads = [name, *[""] * (len(wrapped) - 1)]
        lines += [f"{head.ljust(width)}{_GAP}{part}".rstrip() for head, part in zip(heads, wrapped, strict=True)]
    return "\n".join(lines)


def _groups(blocks: Sequence[Block], room: int) -> list[list[Block]]:
    groups: list[list[Block]] = []
    left = 0
    for block in blocks:
        needed = _width(block) + len(_GAP)
        if not groups or needed > left:
            groups.append([])
            left = room
        groups[-1].append(block)
        left -= needed
    return groups


def _one_table(labels: Sequence[str], label_width: int, blocks: Sequence[Block]) -> str:
    heads = [_head_lines(block) for block in blocks]
    height = max(len(head) for head in heads)
    widths = [_width(block) for block in blocks]
    rows = [("", [([""] * (height - len(head)) + head)[line] for head in heads]) for line in range(height)]
    rows.append(("-" * label_width, ["-" * width for width in widths]))
    rows += [(label, [block.cells[index] for block in blocks]) for index, label in enumerate(labels)]
    return "\n".join(
        _GAP.join([label.ljust(label_width), *(cell.rjust(width) for cell, width in zip(cells, widths, strict=True))])
        for label, cells in rows
    )


def _width(block: Block) -> int:
    return max(len(text) for text in (*_head_lines(block), *block.cells))


def _head_lines(block: Block) -> list[str]:
    return textwrap.wrap(block.heading, _HEAD_WIDTH) or [""]
