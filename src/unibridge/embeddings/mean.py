"""Every row the mean of all source rows."""

from unibridge.embeddings.base import InitRequest, InitResult
from unibridge.embeddings.draft import Draft
from unibridge.embeddings.match import vocabulary_size
from unibridge.embeddings.settings import reads


@reads()
def mean(request: InitRequest) -> InitResult:
    """Every row is E^S's mean, special tokens by role: the centre without `random`'s spread."""
    centre = request.source_embeddings.detach().float().cpu().mean(dim=0)
    rows = centre.repeat(vocabulary_size(request.target_tokenizer), 1)
    return Draft(request, rows, origin="mixed").finish()
