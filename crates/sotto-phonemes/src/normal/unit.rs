//! Units of measure behind a number.

/// A unit: how it is written, one of it, more of it.
type Unit = (&'static str, &'static str, &'static str);

/// Written exactly so: case tells metres from mega.
#[rustfmt::skip]
const UNITS: [Unit; 105] = [
    ("km/h", "kilometer per hour", "kilometers per hour"), ("kph", "kilometer per hour", "kilometers per hour"),
    ("mph", "mile per hour", "miles per hour"), ("m/s²", "meter per second squared", "meters per second squared"),
    ("m/s", "meter per second", "meters per second"), ("ft/s", "foot per second", "feet per second"),
    ("MB/s", "megabyte per second", "megabytes per second"), ("GB/s", "gigabyte per second", "gigabytes per second"),
    ("KB/s", "kilobyte per second", "kilobytes per second"), ("kB/s", "kilobyte per second", "kilobytes per second"),
    ("kbit/s", "kilobit per second", "kilobits per second"), ("Mbit/s", "megabit per second", "megabits per second"),
    ("Gbit/s", "gigabit per second", "gigabits per second"), ("kbps", "kilobit per second", "kilobits per second"),
    ("Mbps", "megabit per second", "megabits per second"), ("Gbps", "gigabit per second", "gigabits per second"),
    ("req/s", "request per second", "requests per second"), ("tok/s", "token per second", "tokens per second"),
    ("tokens/s", "token per second", "tokens per second"), ("kg/m³", "kilogram per cubic meter", "kilograms per cubic meter"),
    ("mg/l", "milligram per liter", "milligrams per liter"), ("l/100km", "liter per hundred kilometers", "liters per hundred kilometers"),
    ("°C", "degree Celsius", "degrees Celsius"), ("°F", "degree Fahrenheit", "degrees Fahrenheit"), ("°", "degree", "degrees"),
    ("km²", "square kilometer", "square kilometers"), ("km2", "square kilometer", "square kilometers"),
    ("m²", "square meter", "square meters"), ("m2", "square meter", "square meters"), ("m³", "cubic meter", "cubic meters"),
    ("cm²", "square centimeter", "square centimeters"), ("cm³", "cubic centimeter", "cubic centimeters"),
    ("sq ft", "square foot", "square feet"), ("km", "kilometer", "kilometers"), ("cm", "centimeter", "centimeters"),
    ("mm", "millimeter", "millimeters"), ("µm", "micrometer", "micrometers"), ("μm", "micrometer", "micrometers"),
    ("nm", "nanometer", "nanometers"), ("m", "meter", "meters"), ("mi", "mile", "miles"), ("ft", "foot", "feet"),
    ("yd", "yard", "yards"), ("in.", "inch", "inches"), ("in", "inch", "inches"), ("\"", "inch", "inches"), ("kg", "kilogram", "kilograms"), ("mg", "milligram", "milligrams"),
    ("µg", "microgram", "micrograms"), ("μg", "microgram", "micrograms"), ("g", "gram", "grams"), ("lbs", "pound", "pounds"), ("lb", "pound", "pounds"),
    ("oz", "ounce", "ounces"), ("ha", "hectare", "hectares"), ("ml", "milliliter", "milliliters"), ("mL", "milliliter", "milliliters"),
    ("cl", "centiliter", "centiliters"), ("L", "liter", "liters"), ("l", "liter", "liters"), ("ms", "millisecond", "milliseconds"),
    ("µs", "microsecond", "microseconds"), ("μs", "microsecond", "microseconds"), ("us", "microsecond", "microseconds"), ("ns", "nanosecond", "nanoseconds"),
    ("s", "second", "seconds"), ("sec", "second", "seconds"), ("min", "minute", "minutes"), ("mins", "minute", "minutes"),
    ("h", "hour", "hours"), ("hr", "hour", "hours"), ("hrs", "hour", "hours"), ("d", "day", "days"),
    ("KB", "kilobyte", "kilobytes"), ("kB", "kilobyte", "kilobytes"), ("MB", "megabyte", "megabytes"), ("GB", "gigabyte", "gigabytes"),
    ("TB", "terabyte", "terabytes"), ("PB", "petabyte", "petabytes"), ("KiB", "kibibyte", "kibibytes"), ("MiB", "mebibyte", "mebibytes"),
    ("GiB", "gibibyte", "gibibytes"), ("TiB", "tebibyte", "tebibytes"), ("Hz", "hertz", "hertz"), ("kHz", "kilohertz", "kilohertz"),
    ("MHz", "megahertz", "megahertz"), ("GHz", "gigahertz", "gigahertz"), ("W", "watt", "watts"), ("kW", "kilowatt", "kilowatts"),
    ("MW", "megawatt", "megawatts"), ("GW", "gigawatt", "gigawatts"), ("kWh", "kilowatt hour", "kilowatt hours"), ("Wh", "watt hour", "watt hours"),
    ("V", "volt", "volts"), ("mA", "milliamp", "milliamps"), ("mAh", "milliamp hour", "milliamp hours"), ("dB", "decibel", "decibels"),
    ("kcal", "kilocalorie", "kilocalories"), ("kJ", "kilojoule", "kilojoules"), ("hPa", "hectopascal", "hectopascals"), ("kPa", "kilopascal", "kilopascals"),
    ("px", "pixel", "pixels"), ("tsp", "teaspoon", "teaspoons"), ("tbsp", "tablespoon", "tablespoons"), ("x", "times", "times"),
];

/// Said by their letters.
const LETTERED: [&str; 7] = ["rpm", "fps", "bpm", "dpi", "ppm", "psi", "fps"];

/// What a unit is called.
pub(super) enum Called {
    Words(&'static str),
    Letters(&'static str),
}

/// The unit that `text` begins with, its name for `one` or for more, and how long it is. `spaced` tells that a
/// space stands between number and unit, where single letters are more often something else.
pub(super) fn unit(text: &str, one: bool, spaced: bool) -> Option<(Called, usize)> {
    let mut best: Option<(Called, usize)> = None;
    for (written, single, plural) in &UNITS {
        let ambiguous =
            matches!(*written, "x" | "d" | "in" | "us" | "\"" | "h" | "W" | "V") && spaced;
        if ambiguous || best.as_ref().is_some_and(|(_, len)| *len >= written.len()) {
            continue;
        }
        let Some(after) = text.strip_prefix(written) else { continue };
        let fits = super::scan::ends(after)
            && !after.starts_with(['\'', '/', '²', '³'])
            && !(after.starts_with('-') && after[1..].starts_with(|c: char| c.is_ascii_digit()));
        if fits {
            best = Some((Called::Words(if one { single } else { plural }), written.len()));
        }
    }
    best.or_else(|| {
        let written =
            LETTERED.iter().find(|w| text.strip_prefix(**w).is_some_and(super::scan::ends))?;
        Some((Called::Letters(written), written.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::UNITS;

    #[test]
    fn no_unit_is_there_twice() {
        let mut written: Vec<_> = UNITS.iter().map(|unit| unit.0).collect();
        written.sort_unstable();
        written.dedup();
        assert_eq!(written.len(), UNITS.len());
    }
}
