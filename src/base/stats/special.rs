//! Distribution functions and their inverses.

use super::halving::least;
use std::f64::consts::{PI, SQRT_2};

/// P(Z <= x) for a standard normal Z.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// The x with P(Z <= x) = `p` for a standard normal Z; infinite at 0 and 1, NaN outside [0, 1].
pub fn normal_quantile(p: f64) -> f64 {
    symmetric_quantile(p, |x| normal_cdf(-x))
}

/// P(T <= t) for Student's T with `df` > 0 degrees of freedom.
pub fn student_t_cdf(t: f64, df: f64) -> f64 {
    if t < 0.0 { student_t_tail(-t, df) } else { 1.0 - student_t_tail(t, df) }
}

/// The t with P(T <= t) = `p` for Student's T with `df` > 0 degrees of freedom; infinite at 0 and 1, NaN
/// outside [0, 1].
pub fn student_t_quantile(p: f64, df: f64) -> f64 {
    // Without a degree of freedom there is no such distribution, and nothing to look for.
    if df.is_nan() || df <= 0.0 {
        return f64::NAN;
    }
    symmetric_quantile(p, |t| student_t_tail(t, df))
}

/// P(T > t) for t >= 0.
fn student_t_tail(t: f64, df: f64) -> f64 {
    let square = t * t;
    if square.is_infinite() {
        return 0.0;
    }
    0.5 * incomplete_beta_of(df / 2.0, 0.5, df / (df + square), square / (df + square))
}

/// The quantile at `p` of a distribution that is symmetric around 0, from its upper tail.
fn symmetric_quantile(p: f64, upper_tail: impl Fn(f64) -> f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let tail = p.min(1.0 - p);
    let x = if tail == 0.0 { f64::INFINITY } else { least(0.0, f64::MAX, |x| upper_tail(x) <= tail) };
    if p < 0.5 { -x } else { x }
}

/// ln Gamma(x) - ((x - 1/2) ln x - x + ln(2 pi) / 2) for x >= 10: what Stirling's formula leaves out
/// (Abramowitz & Stegun 1964, 6.1.41), below 1e-17 off.
fn stirling_rest(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        1.0 / 12.0,
        -1.0 / 360.0,
        1.0 / 1260.0,
        -1.0 / 1680.0,
        1.0 / 1188.0,
        -691.0 / 360_360.0,
        1.0 / 156.0,
        -3617.0 / 122_400.0,
    ];
    let square = 1.0 / (x * x);
    COEFFICIENTS.iter().rev().fold(0.0, |sum, c| sum * square + c) / x
}

/// From here on the parts of a beta function are taken from Stirling's formula, whose large terms cancel
/// on paper rather than in the last digits.
const STIRLING_FROM: f64 = 10.0;

/// ln B(a, b) for a, b > 0.
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (a, b) = (a.min(b), a.max(b));
    let sum = a + b;
    if a >= STIRLING_FROM {
        let rest = stirling_rest(a) + stirling_rest(b) - stirling_rest(sum);
        0.5 * libm::log(2.0 * PI / b) + (a - 0.5) * libm::log(a / sum) - b * libm::log1p(a / b) + rest
    } else if b >= STIRLING_FROM {
        let rest = stirling_rest(b) - stirling_rest(sum);
        libm::lgamma(a) + a - a * libm::log(sum) - (b - 0.5) * libm::log1p(a / b) + rest
    } else {
        libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(sum)
    }
}

/// `I_x(a, b)`, the regularized incomplete beta function, for a, b > 0 and x in [0, 1]: the distribution
/// function of Beta(a, b).
pub fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    incomplete_beta_of(a, b, x, 1.0 - x)
}

/// The x with `I_x(a, b)` = `p`, for a, b > 0 and p in [0, 1]: the quantile of Beta(a, b).
pub fn incomplete_beta_inverse(a: f64, b: f64, p: f64) -> f64 {
    least(0.0, 1.0, |x| incomplete_beta(a, b, x) >= p)
}

/// `I_x(a, b)` given both x and y = 1 - x, so that neither loses digits.
fn incomplete_beta_of(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if x <= 0.0 {
        0.0
    } else if y <= 0.0 {
        1.0
    } else if x <= (a + 1.0) / (a + b + 2.0) {
        beta_power(a, b, x, y) / beta_fraction(a, b, x, y)
    } else {
        1.0 - beta_power(a, b, x, y) / beta_fraction(b, a, y, x)
    }
}

/// x^a y^b / B(a, b).
fn beta_power(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if a.min(b) < STIRLING_FROM {
        let ln = |of: f64, rest: f64| if of < 0.5 { libm::log(of) } else { libm::log1p(-rest) };
        return libm::exp(a * ln(x, y) + b * ln(y, x) - ln_beta(a, b));
    }
    // Around the mode x = a / (a + b) the powers are near 1: only the distance from it is left.
    let distance = x * b - y * a;
    let power = a * libm::log1p(distance / a) + b * libm::log1p(-distance / b);
    let rest = stirling_rest(a + b) - stirling_rest(a) - stirling_rest(b);
    (a / (a + b) * b / (2.0 * PI)).sqrt() * libm::exp(power + rest)
}

/// Terms after which a continued fraction or series is given up; what the arguments allowed here need is
/// a few times the square root of the largest.
const MAX_TERMS: u32 = 1_000_000;

/// The continued fraction of the incomplete beta function, in the form that looks at x and y = 1 - x apart
/// and so keeps its digits where x is next to 1.
fn beta_fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    // DiDonato & Morris 1992, equation 9.
    let denominator = |m: f64| {
        let middle = m * (b - m) * x / (a + 2.0 * m - 1.0);
        m + middle + (a + m) * (a * y - b * x + 1.0 + m * (1.0 + y)) / (a + 2.0 * m + 1.0)
    };
    let mut lentz = Lentz::new(a * (a * y - b * x + 1.0) / (a + 1.0));
    for k in 1..MAX_TERMS {
        let m = f64::from(k);
        let root = x / (a + 2.0 * m - 1.0);
        let numerator = (a + m - 1.0) * (a + b + m - 1.0) * m * (b - m) * root * root;
        if lentz.step(numerator, denominator(m)) {
            break;
        }
    }
    lentz.value
}

/// P(a, x), the regularized lower incomplete gamma function, for a > 0 and x >= 0: the distribution
/// function of Gamma(a, 1).
pub fn incomplete_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x.is_infinite() {
        return 1.0;
    }
    // x^a e^-x / Gamma(a), near the mode again by the distance from it.
    let power = if a < STIRLING_FROM {
        libm::exp(a * libm::log(x) - x - libm::lgamma(a))
    } else {
        let distance = (x - a) / a;
        (a / (2.0 * PI)).sqrt() * libm::exp(a * (libm::log1p(distance) - distance) - stirling_rest(a))
    };
    if x < a + 1.0 {
        let (mut sum, mut term) = (1.0 / a, 1.0 / a);
        for k in 1..MAX_TERMS {
            term *= x / (a + f64::from(k));
            sum += term;
            if term <= sum * f64::EPSILON / 4.0 {
                break;
            }
        }
        power * sum
    } else {
        // Abramowitz & Stegun 1964, 6.5.31, in its contracted form.
        let mut lentz = Lentz::new(x + 1.0 - a);
        for k in 1..MAX_TERMS {
            let m = f64::from(k);
            if lentz.step(m * (a - m), x + 2.0 * m + 1.0 - a) {
                break;
            }
        }
        1.0 - power / lentz.value
    }
}

/// A continued fraction b0 + a1 / (b1 + a2 / (b2 + ...)) evaluated from the front (Lentz 1976, as modified
/// by Thompson & Barnett 1986).
struct Lentz {
    value: f64,
    c: f64,
    d: f64,
}

impl Lentz {
    const TINY: f64 = 1e-300;

    fn new(b0: f64) -> Self {
        let value = if b0 == 0.0 { Self::TINY } else { b0 };
        Self { value, c: value, d: 0.0 }
    }

    /// Takes the next pair; whether the value has settled.
    fn step(&mut self, a: f64, b: f64) -> bool {
        let kept_from_zero = |x: f64| if x.abs() < Self::TINY { Self::TINY } else { x };
        self.d = 1.0 / kept_from_zero(b + a * self.d);
        self.c = kept_from_zero(b + a / self.c);
        let factor = self.c * self.d;
        self.value *= factor;
        (factor - 1.0).abs() <= f64::EPSILON
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use statrs::distribution::{ContinuousCDF, Normal, StudentsT};
    use statrs::function::{beta, gamma};

    fn assert_close(actual: f64, expected: f64, relative: f64, what: &str) {
        let error = (actual - expected).abs();
        assert!(error <= relative * expected.abs(), "{what}: {actual} is not {expected}");
    }

    const PROBABILITIES: [f64; 11] = [1e-12, 1e-6, 0.001, 0.025, 0.05, 0.3, 0.5, 0.75, 0.95, 0.975, 0.999];

    #[test]
    fn the_normal_agrees_with_another_library_and_with_tables() {
        let other = Normal::new(0.0, 1.0).unwrap();
        for x in [-8.0, -3.5, -1.0, -0.1, 0.0, 0.3, 1.96, 4.0] {
            assert_close(normal_cdf(x), other.cdf(x), 1e-10, "cdf");
        }
        for p in PROBABILITIES {
            assert_close(normal_quantile(p), other.inverse_cdf(p), 1e-9, "quantile");
            assert_close(normal_cdf(normal_quantile(p)), p, 1e-13, "round trip");
        }
        assert_close(normal_quantile(0.975), 1.959_963_984_540_054, 1e-14, "table");
    }

    #[test]
    fn students_t_agrees_with_another_library_and_with_tables() {
        for df in [1.0, 2.0, 4.5, 30.0, 1e3, 1e6] {
            let other = StudentsT::new(0.0, 1.0, df).unwrap();
            for t in [-20.0, -2.0, -0.5, 0.0, 1e-3, 1.0, 3.0] {
                assert_close(student_t_cdf(t, df), other.cdf(t), 1e-8, "cdf");
            }
            for p in PROBABILITIES {
                assert_close(student_t_cdf(student_t_quantile(p, df), df), p, 1e-10, "round trip");
            }
        }
        // 97.5% points as printed tables have them.
        for (df, t) in [(1.0, 12.706_204_736), (10.0, 2.228_138_852), (100.0, 1.983_971_519)] {
            assert_close(student_t_quantile(0.975, df), t, 1e-9, "table");
        }
        assert_close(student_t_quantile(0.975, 1e12), normal_quantile(0.975), 1e-9, "limit");
    }

    #[test]
    fn the_ends_of_a_quantile_are_infinite_and_beyond_is_nothing() {
        for quantile in [normal_quantile, |p| student_t_quantile(p, 3.0)] {
            assert_eq!((quantile(0.0), quantile(1.0)), (f64::NEG_INFINITY, f64::INFINITY));
            assert_eq!(quantile(0.5), 0.0);
            assert!([-0.1, 1.1, f64::NAN].into_iter().all(|p| quantile(p).is_nan()));
        }
    }

    #[test]
    fn the_incomplete_beta_agrees_with_another_library() {
        for a in [0.5, 1.0, 3.3, 42.0, 500.0] {
            for b in [0.5, 1.0, 7.0, 11.0, 900.0] {
                for x in [1e-9, 0.01, 0.3, 0.5, 0.77, 0.999] {
                    let expected = beta::beta_reg(a, b, x);
                    if expected > 1e-280 {
                        assert_close(incomplete_beta(a, b, x), expected, 1e-9, &format!("I_{x}({a}, {b})"));
                    }
                }
            }
        }
        assert_eq!((incomplete_beta(2.0, 3.0, 0.0), incomplete_beta(2.0, 3.0, 1.0)), (0.0, 1.0));
    }

    #[test]
    fn the_incomplete_beta_keeps_its_digits_where_it_has_a_closed_form() {
        for x in [1e-12, 0.1, 0.5, 0.9] {
            assert_close(incomplete_beta(30.0, 1.0, x), libm::pow(x, 30.0), 1e-14, "x^a");
            assert_close(
                incomplete_beta(1.0, 30.0, x),
                -libm::expm1(30.0 * libm::log1p(-x)),
                1e-14,
                "1 - y^b",
            );
        }
        for (n, relative) in [(1.0, 1e-15), (1e3, 1e-13), (1e6, 1e-12), (1e9, 1e-10)] {
            assert_close(incomplete_beta(n, n, 0.5), 0.5, relative, "symmetry");
        }
    }

    #[test]
    fn the_incomplete_gamma_agrees_with_another_library() {
        for a in [0.1, 1.0, 3.3, 42.0, 5e3] {
            for x in [1e-3, 0.5, 3.0, 40.0, 45.0, 4.9e3, 5.1e3] {
                let expected = gamma::gamma_lr(a, x);
                if expected > 1e-280 {
                    assert_close(incomplete_gamma(a, x), expected, 1e-9, &format!("P({a}, {x})"));
                }
            }
        }
        assert_close(incomplete_gamma(1.0, 0.7), -libm::expm1(-0.7), 1e-14, "exponential");
        assert_eq!((incomplete_gamma(2.0, 0.0), incomplete_gamma(2.0, f64::INFINITY)), (0.0, 1.0));
    }

    proptest! {
        #[test]
        fn the_beta_function_obeys_its_recurrence(a in 0.1..1e5f64, b in 0.1..1e5f64) {
            // B(a + 1, b) = B(a, b) a / (a + b)
            let step = ln_beta(a + 1.0, b) - ln_beta(a, b);
            prop_assert!((step - libm::log(a / (a + b))).abs() < 1e-9, "{step}");
        }

        #[test]
        fn the_inverse_undoes_the_incomplete_beta(a in 0.5..1e4f64, b in 0.5..1e4f64, p in 1e-6..0.999f64) {
            let x = incomplete_beta_inverse(a, b, p);
            prop_assert!((incomplete_beta(a, b, x) - p).abs() < 1e-10);
        }
    }
}
