"""Rendered scenes: the same bytes again, captions that tell what is drawn, relations that kinds do not give away."""

import numpy as np
import pytest

from consona.core.errors import InvalidInput
from consona.datasets.scenes import contact_sheet, render_scenes, scene_categories, scene_relations
from consona.datasets.scenes_captions import OTHER_WORDS, SAID, WHERE
from consona.datasets.scenes_objects import COLOURS, KINDS, OBJECTS
from consona.datasets.scenes_plan import INVERSE, RELATIONS, plan_scenes


@pytest.fixture(scope="module")
def scenes():
    return render_scenes(1000, seed=3)


def test_a_seed_gives_the_same_bytes_and_a_scene_does_not_depend_on_how_many_follow(scenes):
    stimuli, images = scenes
    fewer, first = render_scenes(300, seed=3)
    assert first.values.tobytes() == images.values[:300].tobytes()
    assert fewer.table.equals(stimuli.table.iloc[:300])
    _, others = render_scenes(300, seed=4)
    assert (others.values != first.values).any(axis=(1, 2, 3)).all()


def test_images_have_the_form_of_images(scenes):
    _, images = scenes
    assert images.dims == ("stimulus", "y", "x", "colour")
    assert images.dtype == np.uint8
    assert images.shape == (1000, 64, 64, 3)
    assert render_scenes(2, seed=0, size=96)[1].shape == (2, 96, 96, 3)
    assert contact_sheet(images[:25]).shape == (3 * 66, 10 * 66, 3)


def test_every_caption_states_kinds_colours_and_relation(scenes):
    stimuli, _ = scenes
    for _, row in stimuli.table.iterrows():
        assert len(set(row["text"])) == 5
        for caption in row["text"]:
            text = caption.lower()
            for kind in row["categories"].split():
                assert kind in text or OTHER_WORDS[kind] in text
            assert all(each.split()[0] in text for each in row["objects"].split(", "))
            assert any(where in text for where in WHERE[row["place"]])
            told = [row["relation"]] if row["relation"] == "alone" else [row["relation"], INVERSE[row["relation"]]]
            assert row["relation"] == "alone" or any(words in text for each in told for words in SAID[each])


def test_objects_lie_where_the_relation_says():
    plan = plan_scenes(4000, seed=0)
    centre = plan.boxes[..., :2] + plan.boxes[..., 2:] / 2
    for relation, axis, sign in (("left of", 0, -1), ("right of", 0, 1), ("above", 1, -1), ("below", 1, 1)):
        rows = plan.relation == RELATIONS.index(relation)
        apart = sign * (centre[rows, 0, axis] - centre[rows, 1, axis])
        assert apart.min() > 0.3, relation  # 0.48 between the middles, less four jitters of at most 0.04
    for relation, nearer in (("in front of", 0), ("behind", 1)):
        rows = plan.relation == RELATIONS.index(relation)
        drawn = plan.order[rows]
        assert (drawn[np.arange(rows.sum()), plan.n_objects[rows] - 1] == nearer).all()  # the last one is on top


def test_colours_are_those_that_are_named(scenes):
    _, images = scenes
    palette = np.array(list(COLOURS.values()), dtype=float)
    plan = plan_scenes(1000, seed=3)
    plain = [KINDS.index(kind) for kind in ("apple", "bus", "car", "bird", "sheep")]
    right = []
    for row in np.flatnonzero((plan.n_objects == 1) & np.isin(plan.kind[:, 0], plain)):
        left, top, side = plan.boxes[row, 0] * 64
        box = images.values[row, int(max(top, 0)) : int(top + side), int(max(left, 0)) : int(left + side)]
        nearest = np.abs(box[:, :, None, :] - palette).sum(-1)
        votes = np.bincount(nearest.argmin(-1)[nearest.min(-1) < 60], minlength=len(palette))
        right.append(votes[plan.colour[row, 0]] > 0.08 * box.shape[0] * box.shape[1])
    assert len(right) > 20
    assert np.mean(right) > 0.9


def test_kinds_do_not_give_away_the_relation():
    plan = plan_scenes(20_000, seed=1)
    several = plan.n_objects > 1
    counts = np.zeros((len(KINDS), len(RELATIONS) - 1))
    np.add.at(counts, (plan.kind[several, 0], plan.relation[several]), 1)
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
    assert np.abs((counts - expected) / np.sqrt(expected)).max() < 4.5  # 168 cells, p of one such cell 1e-3


def test_multi_hot_categories_and_flags(scenes):
    stimuli, _ = scenes
    hot = scene_categories(stimuli)
    assert hot.data.sizes["feature"] == len(KINDS) == 24
    assert np.array_equal(hot.layer(0).sum(1), stimuli["n_objects"])
    people = [kind.group == "people" for kind in OBJECTS]
    assert np.array_equal(hot.layer(0)[:, people].any(1), stimuli["people"])
    with pytest.raises(InvalidInput, match="unicorn"):
        scene_categories(stimuli.select(stimuli.ids[:1]).with_columns(categories=["unicorn"]))


def test_the_same_scene_said_from_either_object_has_the_same_relations(scenes):
    stimuli = scenes[0].select(scenes[0].ids[:3])
    said = stimuli.with_columns(
        categories=["dog tree", "tree dog cat", "tree dog"], relation=["left of", "right of", "left of"]
    )
    values = scene_relations(said).layer(0)
    assert np.array_equal(values[0], values[1])
    assert not np.array_equal(values[0], values[2])
    assert np.array_equal(values.sum(1), [2, 2, 2])
    assert scene_relations(said, of="groups").data.sizes["feature"] == 8 * 6


def test_what_cannot_be_drawn_is_refused():
    for n, size in ((0, 64), (3, 16)):
        with pytest.raises(InvalidInput, match="expected one or more"):
            render_scenes(n, seed=0, size=size)
