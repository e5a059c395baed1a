//! The logistic function, fast and the same on every machine.

use std::f64::consts::LOG2_E;

/// ln 2 / 16 in two parts: the first has few enough bits that a small whole number times it is exact.
const STEP_HIGH: f64 = 6.931_471_803_691_238e-1 / STEPS as f64;
const STEP_LOW: f64 = 1.908_214_929_270_587_7e-10 / STEPS as f64;
/// Adding and subtracting this rounds to a whole number.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// sigma(u) = 1 / (1 + exp(-u)), the probability whose logit is u, of several values at once.
///
/// Branch-free, and made of nothing but + - * / and a table of powers of two, so that no instruction set changes
/// a bit. Relative error below 1e-14 for |u| <= 700; beyond that u is
/// taken for 700.
#[inline(always)]
pub(super) fn sigmas<const N: usize>(u: [f64; N]) -> [f64; N] {
    let mut sigmas = [0.0; N];
    for i in 0..N {
        sigmas[i] = 1.0 / (1.0 + exp(-u[i]));
    }
    sigmas
}

/// exp(x) = 2^n 2^(j / 16) exp(r) with |r| <= ln 2 / 32, exp(r) by its Taylor polynomial of degree 6.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // Not `clamp`: this form is two instructions.
    let x = if x < -700.0 { -700.0 } else { x };
    let x = if x > 700.0 { 700.0 } else { x };
    let shifted = x * (LOG2_E * STEPS as f64) + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * STEP_HIGH) - n * STEP_LOW;
    let bits = shifted.to_bits();
    let power = POWERS[bits as usize % STEPS];
    let power = f64::from_bits(power.to_bits().wrapping_add((bits / STEPS as u64) << 52));
    // Estrin's scheme: independent halves instead of one long chain.
    let r2 = r * r;
    let high = (1.0 / 24.0 + r * (1.0 / 120.0)) + r2 * (1.0 / 720.0);
    power * ((1.0 + r) + r2 * ((0.5 + r * (1.0 / 6.0)) + r2 * high))
}

/// Steps in which a power of two doubles.
const STEPS: usize = 16;

/// 2^(j / 16)
const POWERS: [f64; STEPS] = [
    1.0,
    1.044_273_782_427_413_8,
    1.090_507_732_665_257_7,
    1.138_788_634_756_691_6,
    1.189_207_115_002_721,
    1.241_857_812_073_484,
    1.296_839_554_651_009_6,
    1.354_255_546_936_892_7,
    std::f64::consts::SQRT_2,
    1.476_826_145_939_499_3,
    1.542_210_825_407_940_7,
    1.610_490_331_949_254_3,
    1.681_792_830_507_429,
    1.756_252_160_373_299_5,
    1.834_008_086_409_342_4,
    1.915_206_561_397_147_4,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_error_is_as_stated(x in -700.0..700.0f64, small in -1.0..1.0f64) {
            for x in [x, small] {
                let exact = libm::exp(x);
                prop_assert!((exp(x) - exact).abs() <= 1e-14 * exact, "{x}");
                let [sigma] = sigmas([x]);
                let exact = 1.0 / (1.0 + libm::exp(-x));
                prop_assert!((sigma - exact).abs() <= 1e-14 * exact, "{x}");
            }
        }
    }

    #[test]
    fn the_steps_are_powers_of_two() {
        for (j, power) in POWERS.iter().enumerate() {
            assert_eq!(*power, libm::exp2(j as f64 / STEPS as f64), "{j}");
        }
    }

    #[test]
    fn the_ends_are_tame() {
        assert_eq!(sigmas([0.0]), [0.5]);
        assert!(sigmas([-1e300])[0] > 0.0 && sigmas([-1e300])[0] < 1e-300);
        assert_eq!(sigmas([1e300]), [1.0]);
    }
}
