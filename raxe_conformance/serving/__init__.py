"""Variants behind HTTP, what is measured of them there, and what follows from it: alerts, and a way back."""
