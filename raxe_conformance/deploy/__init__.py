"""Packages of a variant, the folders that they are deployed to, and which of them is in use there."""
