"""Decoders: small networks that read emotions from EEG, how they are trained, and what can be asked of them."""
