//! Which format the client gets.

use axum::http::{HeaderMap, header};

/// What can be asked for, best first for a client that takes anything.
pub(crate) const MEDIA_TYPES: [&str; 5] = [
    "application/json",
    "application/x-ndjson",
    "text/csv",
    "application/vnd.apache.arrow.stream",
    "application/vnd.apache.parquet",
];

/// The formats of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
    Ndjson,
    Csv,
    ArrowStream,
    Parquet,
}

impl Format {
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::ArrowStream => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }

    /// `?format=` wins over `Accept`; without either it is JSON. `None`: nothing acceptable.
    pub(crate) fn negotiate(headers: &HeaderMap, asked: Option<&str>) -> Option<Self> {
        if let Some(name) = asked {
            return match name {
                "json" => Some(Self::Json),
                "ndjson" => Some(Self::Ndjson),
                "csv" => Some(Self::Csv),
                "arrow" => Some(Self::ArrowStream),
                "parquet" => Some(Self::Parquet),
                _ => None,
            };
        }
        let mut values = headers.get_all(header::ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Some(Self::Json);
        }
        let mut best: Option<(Self, f32)> = None;
        for range in values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')) {
            let mut parts = range.split(';');
            let media = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let quality = parts
                .filter_map(|parameter| parameter.trim().strip_prefix("q="))
                .find_map(|q| q.parse::<f32>().ok())
                .unwrap_or(1.0);
            let format = match media.as_str() {
                "application/json" | "application/*" | "*/*" => Self::Json,
                "application/x-ndjson" | "application/jsonl" => Self::Ndjson,
                "text/csv" | "text/*" => Self::Csv,
                "application/vnd.apache.arrow.stream" => Self::ArrowStream,
                "application/vnd.apache.parquet" => Self::Parquet,
                _ => continue,
            };
            if quality > 0.0 && best.is_none_or(|(_, q)| quality > q) {
                best = Some((format, quality));
            }
        }
        best.map(|(format, _)| format)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn accept(value: &'static str) -> Option<Format> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(value));
        Format::negotiate(&headers, None)
    }

    #[test]
    fn the_best_acceptable_format_is_chosen() {
        assert_eq!(Format::negotiate(&HeaderMap::new(), None), Some(Format::Json));
        assert_eq!(accept("text/csv"), Some(Format::Csv));
        assert_eq!(accept("text/csv;q=0.5, application/x-ndjson"), Some(Format::Ndjson));
        assert_eq!(accept("image/png, */*;q=0.1"), Some(Format::Json));
        assert_eq!(accept("image/png"), None);
        assert_eq!(accept("application/json;q=0"), None);
        assert_eq!(Format::negotiate(&HeaderMap::new(), Some("parquet")), Some(Format::Parquet));
        assert_eq!(Format::negotiate(&HeaderMap::new(), Some("xml")), None);
    }
}
