//! A picture of the usual answer: which phase waits for which, on a common time axis.

use std::fmt::Write as _;

use sotto::client::phases::Phase;

use super::results::Results;

const WIDTH: f64 = 860.0;
/// Names are to the left of this, numbers to the right of the other edge.
const LEFT: f64 = 110.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 62.0;
const ROW: f64 = 34.0;
const BAR: f64 = 20.0;
/// About so many lines of time.
const LINES: f64 = 8.0;
const COLOURS: [&str; 6] = ["#4e79a7", "#59a14f", "#b07aa1", "#f28e2b", "#e15759", "#76b7b2"];

/// The picture. Each bar goes from the moment at which all before it was over to the end of its phase, in the median; the
/// thin line goes on to the 95th percentile.
pub fn svg(results: &Results) -> String {
    let ends = Phase::ALL.map(|phase| {
        let at = results.at(phase);
        at.quantile(0.5).zip(at.quantile(0.95)).map(|(p50, p95)| (p50 as f64, p95 as f64))
    });
    let longest = ends.iter().flatten().map(|(_, p95)| *p95).fold(1.0, f64::max);
    let x = |ms: f64| LEFT + ms / longest * (WIDTH - LEFT - RIGHT);
    let height = TOP + ROW * ends.len() as f64 + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    let engines: Vec<&str> = results.engines.values().map(String::as_str).collect();
    let title = format!("From the last word to the first sound, median of {}", results.count());
    text(&mut svg, 14.0, 22.0, "start", &format!("{title} (thin: 95th percentile)"));
    text(&mut svg, 14.0, 42.0, "start", &engines.join(" · "));
    let step = step(longest);
    for line in 0..=(longest / step) as usize {
        let ms = line as f64 * step;
        let (at, bottom) = (x(ms), height - 26.0);
        let _ =
            writeln!(svg, "<path d=\"M{at:.1} {TOP}V{bottom}\" stroke=\"#ddd\" fill=\"none\"/>");
        text(&mut svg, at, height - 10.0, "middle", &format!("{ms} ms"));
    }
    let mut begin = 0.0_f64;
    for ((phase, end), (row, colour)) in Phase::ALL.iter().zip(ends).zip((0..).zip(COLOURS)) {
        let y = TOP + ROW * f64::from(row) + (ROW - BAR) / 2.0;
        text(&mut svg, LEFT - 8.0, y + 15.0, "end", phase.name());
        let Some((p50, p95)) = end else { continue };
        // What was there early begins and ends where it was.
        let (left, right, far, middle) = (x(begin.min(p50)), x(p50), x(p95), y + BAR / 2.0);
        let width = (right - left).max(1.5);
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\" rx=\"2\" fill=\"{colour}\"/>\n\
             <path d=\"M{right:.1} {middle}H{far:.1}\" stroke=\"{colour}\" stroke-width=\"2\" fill=\"none\"/>"
        );
        text(&mut svg, x(p95) + 6.0, y + 15.0, "start", &format!("{p50} ms"));
        begin = begin.max(p50);
    }
    svg.push_str("</svg>\n");
    svg
}

/// A round number of milliseconds between two lines.
fn step(longest: f64) -> f64 {
    let rough = (longest / LINES).max(1.0);
    let power = 10_f64.powf(rough.log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    round.into_iter().find(|step| *step >= rough).unwrap_or(rough)
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let words = escaped(words);
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"#333\">{words}</text>"
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
