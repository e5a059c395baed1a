//! The logistic function, fast and the same on every machine.

use std::array;
use std::f64::consts::LOG2_E;

/// ln 2 in two parts: the first has few enough bits that a small whole number times it is exact.
const LN_2_HIGH: f64 = 6.931_471_803_691_238e-1;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
/// Adding and subtracting this rounds to a whole number.
const ROUND: f64 = 6_755_399_441_055_744.0;

/// sigma(u) = 1 / (1 + exp(-u)), the probability whose logit is u, of several values at once.
///
/// Branch-free, so that lanes go through vector instructions together, and made of nothing but + - * /,
/// so that no instruction set changes a bit. Relative error below 1e-12 for |u| <= 700; beyond that u is
/// taken for 700.
#[inline(always)]
pub(super) fn sigmas<const N: usize>(u: [f64; N]) -> [f64; N] {
    u.map(|u| 1.0 / (1.0 + exp(-u)))
}

/// exp(x) = 2^n exp(r) with |r| <= ln 2 / 2, exp(r) by its Taylor polynomial of degree 11.
#[inline(always)]
fn exp(x: f64) -> f64 {
    // Not `clamp`: this form is two instructions.
    let x = if x < -700.0 { -700.0 } else { x };
    let x = if x > 700.0 { 700.0 } else { x };
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let (r2, r4) = (r * r, (r * r) * (r * r));
    // Estrin's scheme: independent halves instead of one long chain.
    let c: [f64; 12] = array::from_fn(|k| INVERSE_FACTORIALS[k]);
    let low = (c[0] + c[1] * r) + (c[2] + c[3] * r) * r2;
    let middle = (c[4] + c[5] * r) + (c[6] + c[7] * r) * r2;
    let high = (c[8] + c[9] * r) + (c[10] + c[11] * r) * r2;
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0_f64.to_bits()));
    (low + (middle + high * r4) * r4) * power
}

/// 1 / k!
const INVERSE_FACTORIALS: [f64; 12] = {
    let mut c = [1.0; 12];
    let mut k = 1;
    while k < 12 {
        c[k] = c[k - 1] / k as f64;
        k += 1;
    }
    c
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_error_is_as_stated(x in -700.0..700.0f64, small in -1.0..1.0f64) {
            for x in [x, small] {
                let exact = libm::exp(x);
                prop_assert!((exp(x) - exact).abs() <= 1e-12 * exact, "{x}");
                let [sigma] = sigmas([x]);
                let exact = 1.0 / (1.0 + libm::exp(-x));
                prop_assert!((sigma - exact).abs() <= 1e-12 * exact, "{x}");
            }
        }
    }

    #[test]
    fn the_ends_are_tame() {
        assert_eq!(sigmas([0.0]), [0.5]);
        assert!(sigmas([-1e300])[0] > 0.0 && sigmas([-1e300])[0] < 1e-300);
        assert_eq!(sigmas([1e300]), [1.0]);
    }
}
