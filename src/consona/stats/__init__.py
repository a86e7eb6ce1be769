"""All the mathematics: arrays in, arrays out, no labels, no files, no network; import from the modules."""
