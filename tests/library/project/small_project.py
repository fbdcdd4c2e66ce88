"""A module of the project that the tests of the library run in; Python workers of the engine import it."""

NAME = "small project"
