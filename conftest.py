"""Judges the shipped models/. The defaults of the plugin name them already, so there is nothing to choose."""
