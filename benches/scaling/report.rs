//! What came of it, as a table, as CSV and as a picture.

use std::fmt::Write as _;

/// The value that `part` of the values do not exceed: the nearest that there is.
pub fn percentile(values: &[f64], part: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

/// A point of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub speech_nodes: usize,
    pub calls: usize,
    pub p50_s: f64,
    pub p95_s: f64,
    pub stopwatch_p50_s: f64,
    pub stopwatch_p95_s: f64,
    pub failed: f64,
    pub gaps: f64,
    pub speech_use: f64,
    pub media_use: f64,
}

impl Point {
    /// Calls on each speech node, or in all where there are none.
    pub fn calls_a_node(&self) -> f64 {
        self.calls as f64 / self.speech_nodes.max(1) as f64
    }
}

/// The heading of [`line`].
pub const HEADING: &str =
    "hardware,speech_nodes,calls,p50_ms,p95_ms,stopwatch_p95_ms,failed,gaps,speech_use,media_use";

/// A point as a line of CSV.
pub fn line(hardware: &str, point: &Point) -> String {
    let Point { speech_nodes, calls, p50_s, p95_s, stopwatch_p95_s, .. } = point;
    let ms = |seconds: &f64| (seconds * 1_000.0).round();
    format!(
        "{hardware},{speech_nodes},{calls},{},{},{},{:.4},{:.4},{:.3},{:.3}",
        ms(p50_s),
        ms(p95_s),
        ms(stopwatch_p95_s),
        point.failed,
        point.gaps,
        point.speech_use,
        point.media_use
    )
}

const SIZE: (f64, f64) = (640.0, 360.0);
const MARGIN: (f64, f64) = (56.0, 40.0);
const COLOURS: [&str; 5] = ["#7a5195", "#003f5c", "#2f7f79", "#ef5675", "#ffa600"];
/// Waits longer than this are off the picture.
const HIGHEST_S: f64 = 3.0;

/// A picture of curves: the 95th percentile of the wait against calls a node, and the target.
pub fn svg(title: &str, target_s: f64, curves: &[(String, Vec<Point>)]) -> String {
    let points = || curves.iter().flat_map(|(_, points)| points);
    let widest = points().map(Point::calls_a_node).fold(1.0, f64::max);
    let widest = (widest / 4.0).ceil() * 4.0;
    let x = |calls: f64| MARGIN.0 + calls / widest * (SIZE.0 - 2.0 * MARGIN.0);
    let y = |seconds: f64| {
        SIZE.1 - MARGIN.1 - seconds.min(HIGHEST_S) / HIGHEST_S * (SIZE.1 - 2.0 * MARGIN.1)
    };
    let (width, height) = SIZE;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"{}\" y=\"22\" font-size=\"14\">{title}</text>\n",
        MARGIN.0
    );
    for second in 0..=HIGHEST_S as usize {
        let at = y(second as f64);
        let _ = writeln!(
            out,
            "<path d=\"M{} {at:.1}H{}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{second} s</text>",
            MARGIN.0,
            width - MARGIN.0,
            MARGIN.0 - 6.0,
            at + 4.0
        );
    }
    for part in 0..=4 {
        let calls = widest * f64::from(part) / 4.0;
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{calls:.0}</text>",
            x(calls),
            height - MARGIN.1 + 18.0
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">calls a speech node</text>\n\
         <path d=\"M{} {:.1}H{}\" stroke=\"#c00\" stroke-dasharray=\"4 3\"/>",
        width / 2.0,
        height - 6.0,
        MARGIN.0,
        y(target_s),
        width - MARGIN.0
    );
    for (number, (name, points)) in curves.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let path: Vec<String> = points
            .iter()
            .map(|point| format!("{:.1} {:.1}", x(point.calls_a_node()), y(point.p95_s)))
            .collect();
        let _ = writeln!(
            out,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{name}</text>",
            path.join("L"),
            MARGIN.0 + 8.0,
            MARGIN.1 + 16.0 * (number as f64 + 1.0)
        );
    }
    out.push_str("</svg>\n");
    out
}
