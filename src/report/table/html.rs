//! Tables of the page: a click on a head sorts. Not a file format, so not one of [`crate::report::table::Format`].

use std::fmt::Write as _;

use crate::report::table::data::{Rank, Table};

/// A sortable table with its notes.
pub(crate) fn render(table: &Table) -> String {
    let mut html = String::from("<div class=\"wide\"><table class=\"sortable\"><thead><tr>");
    for column in &table.columns {
        let _ = write!(html, "<th scope=\"col\"><button type=\"button\">{}</button></th>", escape(&column.head));
    }
    html.push_str("</tr></thead><tbody>\n");
    for row in &table.rows {
        html.push_str("<tr>");
        for cell in row {
            let _ = match cell.rank {
                Some(Rank::Best) => write!(html, "<td><strong>{}</strong></td>", escape(&cell.shown)),
                Some(Rank::Second) | None => write!(html, "<td>{}</td>", escape(&cell.shown)),
            };
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    for note in &table.notes {
        let _ = writeln!(html, "<p>{}</p>", escape(note));
    }
    html
}

/// Text inside an element or an attribute.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
