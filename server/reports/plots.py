"""The report's map, as shapes for SVG: where people stand, and how far each group reaches.

A person's place follows from their votes, so marks are drawn only for people whose rows of votes
are public; everybody else is in the outline of their group and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .figures import Figures
from .material import Material
from .suppression import FEWEST

WIDTH, HEIGHT = 720, 460
_MARGIN = 28
_CELL = 9.0
_REACH = 1.5

Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outline:
    """One group's outline: the ellipse of 1.5 standard deviations, in the plot's own units."""

    group: int
    cx: float
    cy: float
    rx: float
    ry: float
    angle: float


@dataclass(frozen=True, slots=True)
class Marks:
    """One group's marks as an SVG path; a larger mark stands for more people."""

    group: int
    path: str
    people: int


@dataclass(frozen=True, slots=True)
class MapPlot:
    """All that the map shows, in a plot of ``WIDTH`` × ``HEIGHT``."""

    outlines: tuple[Outline, ...]
    marks: tuple[Marks, ...]
    people: int
    shown: int
    width: int = WIDTH
    height: int = HEIGHT


def map_plot(material: Material, figures: Figures) -> MapPlot | None:
    """Return the map, or None where there are no groups that can be told."""
    if material.opinion is None or len(figures.names) < 2:
        return None
    places = material.opinion.places
    located = np.array([row in places for row in material.rows], dtype=np.bool_)
    grouped = located & (figures.labels >= 0)
    if not grouped.any():
        return None
    points = np.array([places.get(row, (0.0, 0.0)) for row in material.rows], dtype=np.float64)
    drawn = _fitted(points, grouped)
    public = grouped & figures.allowed.rows
    return MapPlot(
        outlines=tuple(
            _outline(name, drawn[inside])
            for g, name in enumerate(figures.names)
            if np.count_nonzero(inside := grouped & (figures.labels == g)) >= FEWEST
        ),
        marks=tuple(
            _marks(name, g, drawn[public & (figures.labels == g)])
            for g, name in enumerate(figures.names)
        ),
        people=int(np.count_nonzero(grouped)),
        shown=int(np.count_nonzero(public)),
    )


def _fitted(points: Points, grouped: NDArray[np.bool_]) -> Points:
    """Move and scale the places into the plot, with one scale for both axes; y grows downwards."""
    inside = points[grouped]
    low, high = np.percentile(inside, 1, axis=0), np.percentile(inside, 99, axis=0)
    span = np.maximum(high - low, 1e-9)
    scale = min((WIDTH - 2 * _MARGIN) / span[0], (HEIGHT - 2 * _MARGIN) / span[1])
    centred = (points - (low + high) / 2.0) * scale * np.array([1.0, -1.0])
    drawn: Points = np.clip(
        centred + np.array([WIDTH / 2.0, HEIGHT / 2.0]),
        _MARGIN / 2.0,
        np.array([WIDTH - _MARGIN / 2.0, HEIGHT - _MARGIN / 2.0]),
    )
    return drawn


def _outline(group: int, points: Points) -> Outline:
    centre = points.mean(axis=0)
    values, axes = np.linalg.eigh(np.cov(points.T))
    radii = _REACH * np.sqrt(np.maximum(values, 1.0))
    angle = float(np.degrees(np.arctan2(axes[1, 1], axes[0, 1])))
    return Outline(
        group,
        round(float(centre[0])),
        round(float(centre[1])),
        round(float(radii[1])),
        round(float(radii[0])),
        round(angle),
    )


def _marks(group: int, shape: int, points: Points) -> Marks:
    cells = np.round(points / _CELL).astype(np.int64)
    spots, people = np.unique(cells, axis=0, return_counts=True)
    paths = [
        _mark(shape % 4, x * _CELL, y * _CELL, min(2.6 * count**0.5, 9.0))
        for (x, y), count in zip(spots.tolist(), people.tolist(), strict=True)
    ]
    return Marks(group, "".join(paths), len(points))


def _mark(shape: int, x: float, y: float, r: float) -> str:
    """Return a circle, square, triangle or diamond of about one area, as an SVG path."""
    if shape == 0:
        arc = f"a{r:.1f} {r:.1f} 0 1 0"
        return f"M{x - r:.1f} {y:.1f}{arc} {2 * r:.1f} 0{arc} {-2 * r:.1f} 0z"
    if shape == 1:
        a = r * 0.88
        return f"M{x - a:.1f} {y - a:.1f}h{2 * a:.1f}v{2 * a:.1f}h{-2 * a:.1f}z"
    a = r * 1.3
    if shape == 2:
        return f"M{x:.1f} {y - a:.1f}l{a:.1f} {1.75 * a:.1f}h{-2 * a:.1f}z"
    return f"M{x:.1f} {y - a:.1f}l{a:.1f} {a:.1f}l{-a:.1f} {a:.1f}l{-a:.1f} {-a:.1f}z"
