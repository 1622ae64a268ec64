"""Contracts for outsiders: what spaces, strategies and operations of other people's can be tested with."""

from metanas.testing.shapes import SHAPES as SHAPES
