"""The words of generated deduction problems: names, made-up nouns, adjectives that can be compared, attributes."""

__all__ = ["ADJECTIVES", "ATTRIBUTES", "NAMES", "NOUNS"]

NAMES = ("Ada", "Bo", "Cy", "Dot", "Eli", "Gus", "Ira", "Jo", "Kit", "Lou", "Mia", "Ned")
NOUNS = ("blick", "fep", "gorp", "kiv", "lomb", "mip", "nurt", "plov", "rusk", "sprot", "tiv", "zun")
ADJECTIVES = {
    "fast": "faster",
    "slow": "slower",
    "tall": "taller",
    "short": "shorter",
    "old": "older",
    "young": "younger",
    "big": "bigger",
    "small": "smaller",
    "strong": "stronger",
    "weak": "weaker",
    "rich": "richer",
    "poor": "poorer",
}
ATTRIBUTES = {
    "colour": ("red", "blue", "white", "black"),
    "shape": ("round", "square", "oval", "flat"),
    "pattern": ("plain", "striped", "dotted", "checked"),
}
