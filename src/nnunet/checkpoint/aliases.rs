//! The names of tensors in nnU-Net's state dicts: each tensor has up to four.
//!
//! A block registers its convolution and its normalisation twice, as `conv` and `norm` and as items of `all_modules`; the decoder
//! registers the encoder as its own. Reading needs one name per tensor; nnU-Net's loading needs all.
//!
//! Source: `dynamic-network-architectures` 0.4.4, `building_blocks/simple_conv_blocks.py` and `building_blocks/unet_decoder.py`.

/// Prefixes that wrappers of PyTorch add: of several GPUs, and of `torch.compile`.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];
const DECODERS_ENCODER: &str = "decoder.encoder.";

/// The name of a tensor without the prefixes of wrappers. `None` for a further name of a tensor that has another one.
pub(super) fn canonical_name(name: &str) -> Option<&str> {
    let mut name = name;
    while let Some(rest) = WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper)) {
        name = rest;
    }
    let is_alias = name.contains(".all_modules.") || name.starts_with(DECODERS_ENCODER);
    (!is_alias).then_some(name)
}

/// All names of a tensor, the canonical one first.
pub(super) fn all_names(name: &str) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    for (layer, index) in [(".conv.", ".all_modules.0."), (".norm.", ".all_modules.1.")] {
        // The layer is the last component but one: `conv` names no other.
        if let Some((block, parameter)) = name.rsplit_once(layer) {
            names.push(format!("{block}{index}{parameter}"));
        }
    }
    if name.starts_with("encoder.") {
        let of_decoder: Vec<String> = names.iter().map(|name| format!("decoder.{name}")).collect();
        names.extend(of_decoder);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tensor_keeps_one_name() {
        let names = all_names("encoder.stages.0.0.convs.1.norm.bias");
        let expected = [
            "encoder.stages.0.0.convs.1.norm.bias",
            "encoder.stages.0.0.convs.1.all_modules.1.bias",
            "decoder.encoder.stages.0.0.convs.1.norm.bias",
            "decoder.encoder.stages.0.0.convs.1.all_modules.1.bias",
        ];
        assert_eq!(names, expected);
        let kept: Vec<&str> = names.iter().filter_map(|name| canonical_name(name)).collect();
        assert_eq!(kept, [expected[0]]);
        assert_eq!(all_names("decoder.seg_layers.0.weight"), ["decoder.seg_layers.0.weight"]);
    }

    #[test]
    fn prefixes_of_wrappers_are_removed() {
        assert_eq!(canonical_name("module._orig_mod.decoder.transpconvs.0.bias"), Some("decoder.transpconvs.0.bias"));
        assert_eq!(canonical_name("_orig_mod.decoder.encoder.stem.convs.0.conv.bias"), None);
    }
}
