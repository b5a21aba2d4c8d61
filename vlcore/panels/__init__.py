"""Panels, a file each: delete a file, and its panel is gone everywhere."""
