"""How far do language models and brains agree, and what happens when the model is edited?"""

__version__ = "0.1.0"
