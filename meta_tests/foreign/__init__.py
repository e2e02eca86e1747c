"""Registries that are not ours, written from the specification alone: none imports this package or another one."""
