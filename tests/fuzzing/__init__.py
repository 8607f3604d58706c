"""Files and settings that are drawn at random or damaged: a result, or one clear error."""
