from unibridge.memory import peak_memory, reset_peak_memory


def test_peak_memory_sees_a_large_array_that_is_gone_again():
    reset_peak_memory()
    before = peak_memory()
    block = bytearray(200_000_000)
    block[::4096] = b"x" * len(block[::4096])
    del block
    assert peak_memory() - before > 150_000_000
