"""Writes the trained model as GGUF: matrices as Q8_0, norms as F32."""

import gguf

from model import SHAPE

DESCRIPTION = "Writes short stories in simple English. Trained on stories told by a grammar."


def add_tokenizer(writer, pieces):
    """The SentencePiece vocabulary: its pieces, scores and kinds."""
    kinds, count = [], pieces.get_piece_size()
    for i in range(count):
        if pieces.is_unknown(i):
            kinds.append(gguf.TokenType.UNKNOWN)
        elif pieces.is_control(i):
            kinds.append(gguf.TokenType.CONTROL)
        else:
            kinds.append(gguf.TokenType.BYTE if pieces.is_byte(i) else gguf.TokenType.NORMAL)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([pieces.id_to_piece(i) for i in range(count)])
    writer.add_token_scores([pieces.get_score(i) for i in range(count)])
    writer.add_token_types(kinds)
    writer.add_unk_token_id(pieces.unk_id())
    writer.add_bos_token_id(pieces.bos_id())
    writer.add_eos_token_id(pieces.eos_id())
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(True)


def add_shape(writer, pieces):
    """What the model is called, and the numbers of its architecture."""
    writer.add_name("cria story")
    writer.add_description(DESCRIPTION)
    writer.add_license("mit")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_vocab_size(pieces.get_piece_size())
    writer.add_context_length(SHAPE["context"])
    writer.add_embedding_length(SHAPE["dim"])
    writer.add_block_count(SHAPE["layers"])
    writer.add_feed_forward_length(SHAPE["ff"])
    writer.add_head_count(SHAPE["heads"])
    writer.add_head_count_kv(SHAPE["kv_heads"])
    writer.add_rope_dimension_count(SHAPE["dim"] // SHAPE["heads"])
    writer.add_rope_freq_base(SHAPE["rope_base"])
    writer.add_layer_norm_rms_eps(SHAPE["epsilon"])


def write_gguf(model, pieces, path):
    """Writes the model and its tokenizer to `path`; there is no output.weight, it is tied."""
    writer = gguf.GGUFWriter(str(path), "llama")
    add_shape(writer, pieces)
    add_tokenizer(writer, pieces)
    for name, weight in model.state_dict().items():
        values = weight.detach().float().contiguous().numpy()
        name = name.replace("layers.", "blk.")
        if values.ndim == 1:
            writer.add_tensor(name, values)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
