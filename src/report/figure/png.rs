//! PNG images.

use std::path::Path;

use crate::report::error::ReportError;
use crate::store::write_atomic;

/// Writes 8-bit RGB pixels, row by row, as a PNG file; returns its bytes.
///
/// # Errors
///
/// If the file cannot be written.
pub(crate) fn write_png(path: &Path, pixels: &[u8], size: (u32, u32)) -> Result<Vec<u8>, ReportError> {
    let bytes = encode_png(pixels, size, png::ColorType::Rgb)
        .map_err(|reason| ReportError::Drawing { name: path.display().to_string(), reason })?;
    write_atomic(path, &bytes)?;
    Ok(bytes)
}

/// An 8-bit grey image, row by row, as a data URI.
///
/// # Errors
///
/// The reason, if the pixels cannot be encoded.
pub(crate) fn grey_data_uri(pixels: &[u8], size: (u32, u32)) -> Result<String, String> {
    Ok(data_uri("image/png", &encode_png(pixels, size, png::ColorType::Grayscale)?))
}

fn encode_png(pixels: &[u8], (width, height): (u32, u32), colour: png::ColorType) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let reason = |error: png::EncodingError| error.to_string();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(colour);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(reason)?;
    writer.write_image_data(pixels).map_err(reason)?;
    writer.finish().map_err(reason)?;
    Ok(bytes)
}

/// Bytes as a data URI, in base 64.
///
/// Source: RFC 4648, section 4.
fn data_uri(kind: &str, bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = format!("data:{kind};base64,");
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let value = (bits >> (18 - 6 * digit) & 63) as usize;
            text.push(if digit <= group.len() { char::from(DIGITS[value]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_64_matches_the_test_vectors_of_rfc_4648() {
        for (bytes, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(data_uri("x", bytes.as_bytes()), format!("data:x;base64,{expected}"));
        }
    }
}
