"""From raw EEG and fMRI to what a Recording holds; import from the modules."""
