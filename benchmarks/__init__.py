"""Figures that anybody can measure again: `make bench`. `README.md` says what they mean."""
