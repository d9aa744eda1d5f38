"""Small models with random weights, saved as ``save_pretrained`` saves them."""

import importlib
import sys

import numpy as np
import torch


def stub_torchvision_operators():
    """Let a torchvision whose compiled half does not fit this build of torch be imported: the oracle needs it.

    Only its resizing and normalising are used, which are Python over torch.
    """
    try:
        importlib.import_module("torchvision")
    except ImportError:
        return
    except RuntimeError:  # "operator torchvision::nms does not exist"
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        for name in ("nms", "qnms"):
            torch.library.define(f"torchvision::{name}", "(Tensor a, Tensor b, float c) -> Tensor")


def tiny_sam2_config(side_px=256):
    """Return the configuration of a SAM 2 of half a million parameters."""
    from transformers import Sam2Config, Sam2HieraDetConfig, Sam2VisionConfig

    at = side_px // 4
    backbone = Sam2HieraDetConfig(
        hidden_size=12,
        num_attention_heads=1,
        image_size=[side_px, side_px],
        blocks_per_stage=[1, 1, 2, 1],
        embed_dim_per_stage=[12, 24, 48, 96],
        num_attention_heads_per_stage=[1, 2, 4, 8],
        window_size_per_stage=[8, 4, 8, 4],
        global_attention_blocks=[3],
    )
    vision = Sam2VisionConfig(
        backbone_config=backbone,
        backbone_channel_list=[96, 48, 24, 12],
        backbone_feature_sizes=[[at, at], [at // 2, at // 2], [at // 4, at // 4]],
        fpn_hidden_size=32,
    )
    return Sam2Config(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": 32, "image_size": side_px, "patch_size": 16},
        mask_decoder_config={
            "hidden_size": 32,
            "mlp_dim": 64,
            "num_attention_heads": 4,
            "iou_head_hidden_dim": 32,
            # So that both happen: one mask that is sure enough, and the best of three in its place.
            "dynamic_multimask_stability_thresh": 0.8,
        },
    )


def save_tiny_sam2(folder, *, seed=0, side_px=256):
    """Save a SAM 2 whose masks are neither empty nor full, and whose best mask is not always the first."""
    from transformers import Sam2Model

    torch.manual_seed(seed)
    model = Sam2Model(tiny_sam2_config(side_px)).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 and "layer_norm" not in name:
                weight.mul_(4.0)
        for (
            mlp
        ) in model.mask_decoder.output_hypernetworks_mlps:  # outlines as sure as those of trained weights
            for weight in mlp.proj_out.parameters():
                weight.mul_(40.0)
    model.save_pretrained(folder)
    return model


def oracle_mask(model, rgb, *, points=(), remove_points=(), boxes=(), side_px=256):
    """Return the masks that transformers' own processor and model make, as bool arrays, and their scores."""
    from transformers import Sam2ImageProcessor, Sam2Processor

    processor = Sam2Processor(Sam2ImageProcessor(size={"height": side_px, "width": side_px}))
    asked = {}
    if points or remove_points:
        asked["input_points"] = [[[list(point) for point in (*points, *remove_points)]] * (len(boxes) or 1)]
        asked["input_labels"] = [[[1] * len(points) + [0] * len(remove_points)] * (len(boxes) or 1)]
    if boxes:
        asked["input_boxes"] = [[list(box) for box in boxes]]
    inputs = processor(images=np.array(rgb), return_tensors="pt", input_data_format="channels_last", **asked)
    alone = len(points) == 1 and not remove_points and not boxes
    with torch.no_grad():
        out = model(**inputs, multimask_output=alone)
    masks = processor.post_process_masks(out.pred_masks, inputs["original_sizes"])[0]
    best = out.iou_scores[0].argmax(-1)
    return (
        [mask[at].numpy() for mask, at in zip(masks, best, strict=True)],
        [float(scores[at]) for scores, at in zip(out.iou_scores[0], best, strict=True)],
    )


_WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "red", "car", "boy", "photo", "a", "of", "the"]


def save_tiny_grounding_dino(folder):
    """Save a Grounding DINO of 0.4 million parameters with a vocabulary of a few words."""
    from transformers import (
        BertConfig,
        BertTokenizer,
        GroundingDinoConfig,
        GroundingDinoForObjectDetection,
        GroundingDinoImageProcessorPil,
        SwinConfig,
    )

    torch.manual_seed(0)
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(
            image_size=64,
            patch_size=4,
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 2, 2, 2],
            window_size=4,
            out_features=["stage2", "stage3", "stage4"],
        ),
        text_config=BertConfig(
            vocab_size=len(_WORDS),
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
        ),
        num_queries=20,
        encoder_layers=1,
        decoder_layers=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        d_model=32,
    )
    model = GroundingDinoForObjectDetection(config).eval()
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(3.0)
    model.save_pretrained(folder)
    BertTokenizer(vocab={word: at for at, word in enumerate(_WORDS)}).save_pretrained(folder)
    GroundingDinoImageProcessorPil(size={"shortest_edge": 64, "longest_edge": 96}).save_pretrained(folder)
    return model


def save_tiny_owlv2(folder):
    """Save an OWLv2 of 0.1 million parameters with a vocabulary of a few words."""
    from transformers import CLIPTokenizer, Owlv2Config, Owlv2ForObjectDetection, Owlv2ImageProcessorPil

    torch.manual_seed(0)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    config = Owlv2Config(
        text_config={
            "vocab_size": len(vocabulary),
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "bos_token_id": len(vocabulary) - 2,
            "eos_token_id": len(vocabulary) - 1,
            "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 64,
            "patch_size": 16,
        },
        projection_dim=32,
    )
    model = Owlv2ForObjectDetection(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 and "box_head" not in name:
                weight.mul_(3.0)
        model.box_head.dense2.weight.mul_(0.03)
        model.box_head.dense2.bias.copy_(torch.tensor([0.0, 0.0, -0.5, -0.5]))
    model.save_pretrained(folder)
    CLIPTokenizer(
        vocab={word: at for at, word in enumerate(vocabulary)},
        merges=[],
        pad_token="a",  # noqa: S106
    ).save_pretrained(folder)
    Owlv2ImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return model


def save_tiny_sam3(folder):
    """Save a SAM 3 of about 0.3 million parameters."""
    from transformers import CLIPTokenizer, Sam3Config, Sam3Model

    torch.manual_seed(0)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    room = {"hidden_size": 32, "num_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = Sam3Config(
        vision_config={
            "backbone_config": {
                "model_type": "sam3_vit_model",
                "hidden_size": 32,
                "intermediate_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "image_size": 112,
                "pretrain_image_size": 56,
                "window_size": 4,
                "global_attn_indexes": [1],
            },
            "fpn_hidden_size": 32,
            "backbone_feature_sizes": [[32, 32], [16, 16], [8, 8]],
        },
        text_config={
            "model_type": "clip_text_model",
            "vocab_size": len(vocabulary),
            "hidden_size": 32,
            "intermediate_size": 32,
            "projection_dim": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "max_position_embeddings": 32,
            "bos_token_id": len(vocabulary) - 2,
            "eos_token_id": len(vocabulary) - 1,
            "pad_token_id": 0,
        },
        geometry_encoder_config=room,
        detr_encoder_config=room,
        detr_decoder_config=room | {"num_queries": 10},
        mask_decoder_config={"hidden_size": 32, "num_attention_heads": 2},
    )
    model = Sam3Model(config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 and "norm" not in name:
                weight.mul_(5.0)
    model.save_pretrained(folder)
    CLIPTokenizer(
        vocab={word: at for at, word in enumerate(vocabulary)},
        merges=[],
        pad_token="a",  # noqa: S106
    ).save_pretrained(folder)
    return model
