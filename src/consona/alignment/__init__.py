"""From features and recordings to scores: encoding, decoding, RSA, projection, each with what was held out."""

from consona.alignment.ceilings import others_ceiling, pool_ceiling, repetition_ceiling, split_half_ceiling
from consona.alignment.classes import class_score
from consona.alignment.decoding import decoded_features, retrieval_score
from consona.alignment.encoding import encoding_score, encoding_scores
from consona.alignment.layers import nested_layers, stacked_layers
from consona.alignment.partition import variance_partition
from consona.alignment.projection import HOLD_OUTS, projection
from consona.alignment.rdms import brain_rdm, layer_rdms, model_rdm
from consona.alignment.regions import region_means, side_by_side, subject_mean, target_tests
from consona.alignment.rsa import rsa_score
from consona.alignment.rsa_models import partial_rsa_score, rsa_contrasts, rsa_differences, weighted_rsa_score
from consona.alignment.searchlight import searchlight_score
from consona.alignment.simple_features import bag_of_words, length_features, shuffled_within
from consona.alignment.split import Split
from consona.alignment.time_courses import cleaned, estimated_gap, order_features, volume_features

__all__ = [
    "HOLD_OUTS",
    "Split",
    "bag_of_words",
    "brain_rdm",
    "class_score",
    "cleaned",
    "decoded_features",
    "encoding_score",
    "encoding_scores",
    "estimated_gap",
    "layer_rdms",
    "length_features",
    "model_rdm",
    "nested_layers",
    "order_features",
    "others_ceiling",
    "partial_rsa_score",
    "pool_ceiling",
    "projection",
    "region_means",
    "repetition_ceiling",
    "retrieval_score",
    "rsa_contrasts",
    "rsa_differences",
    "rsa_score",
    "searchlight_score",
    "shuffled_within",
    "side_by_side",
    "split_half_ceiling",
    "stacked_layers",
    "subject_mean",
    "target_tests",
    "variance_partition",
    "volume_features",
    "weighted_rsa_score",
]
