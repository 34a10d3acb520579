"""Figures that anybody can measure again; `README.md` lists the commands."""
