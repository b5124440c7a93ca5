"""Every family record against a real model of the family."""

from operator import attrgetter

import pytest
from torch import nn

from toy import SHAPE, toy_model
from unibridge.errors import UnibridgeError
from unibridge.models.families import FAMILIES


@pytest.mark.parametrize("name", FAMILIES)
def test_every_path_leads_to_its_part(name):
    family, model = FAMILIES[name], toy_model(name)
    encoder = attrgetter(family.encoder)(model)
    layers = attrgetter(family.layers)(encoder)
    assert family.model_type == name == model.config.model_type
    assert encoder is (model.base_model if family.decoder is None else model.get_encoder())
    assert attrgetter(family.word_embeddings)(encoder).weight is model.get_input_embeddings().weight
    if family.decoder is not None:
        decoder = model.get_submodule(family.decoder)
        assert decoder is model.get_decoder()
        assert len(decoder.get_submodule(family.decoder_layers)) == 2
    assert attrgetter(family.projection)(model) is model.get_output_embeddings()
    assert attrgetter(family.projection)(model) in set(family.lm_head(model).modules())
    assert len(layers) == SHAPE["num_hidden_layers"]
    if family.norm_placing == "post":
        norms = [attrgetter(family.output_norm)(layer) for layer in layers]
        assert all(isinstance(norm, nn.LayerNorm) for norm in norms)
    assert all(hasattr(model.config, name) for name in family.dropouts)


def test_position_offsets():
    assert FAMILIES["bert"].position_offset(0) == 0
    assert FAMILIES["xlm-roberta"].position_offset(1) == 2


@pytest.mark.parametrize("name", FAMILIES)
def test_every_strange_setting_is_named_at_once(name):
    family = FAMILIES[name]
    family.check(toy_model(name).config.to_dict())
    odd = {"is_decoder": True, "position_embedding_type": "relative_key", "pruned_heads": {1: [0]}}
    strange = {name: value for name, value in odd.items() if name in dict(family.understood)}
    with pytest.raises(UnibridgeError) as error:
        family.check(strange, where="some/folder")
    assert all(setting in str(error.value) for setting in ("some/folder", *strange))
