//! Words and numbers of a methods paragraph.

/// A list with its conjunction: `a`, `a and b`, `a, b and c`.
pub(super) fn join_and<T: ToString>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    match items.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// A small count as a word, as journals print it; from 10 on as digits.
pub(super) fn count_in_words(count: usize) -> String {
    let words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    words.get(count).map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

/// The text with a small letter at its start, unless it starts with an abbreviation.
pub(super) fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    if letters.as_str().starts_with(char::is_uppercase) {
        return text.to_owned();
    }
    first.to_lowercase().chain(letters).collect()
}

/// Lengths along z, y and x in mm, with at most two decimals.
pub(super) fn millimetres(lengths: [f64; 3]) -> String {
    let lengths = lengths.map(|length| {
        let text = format!("{length:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    });
    format!("{} mm", lengths.join(" × "))
}

/// The interpolation of a spline order.
pub(super) fn interpolation(order: u8) -> String {
    match order {
        0 => "nearest neighbour".to_owned(),
        1 => "linear interpolation".to_owned(),
        3 => "third-order spline".to_owned(),
        order => format!("spline of order {order}"),
    }
}
