//! Arithmetic on one user's numbers, or on those of four users side by side.
//!
//! What a policy computes is written once, over [`Vector`]. `score` and `reward` run it with one user's doubles; the
//! simulator with four users at a time, each in a lane of a vector register. Lanes do not mix and nothing is fused, so
//! a user's numbers have the same bits in both, and on every processor: a [`Kernel`] is compiled for several
//! instruction sets, and the best that there is runs.

use fearless_simd::{Level, Select, Simd, SimdBase, SimdFloat, SimdFrom, f64x4};
use std::fmt::Debug;
use std::ops::{Add, Deref, DerefMut, Div, Mul, Neg, Sub};

/// Users who are simulated side by side.
pub const LANES: usize = 4;

/// A number of each of them. Aligned, so that none lies across two lines of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[repr(align(32))]
pub struct Lanes(pub [f64; LANES]);

impl Deref for Lanes {
    type Target = [f64; LANES];

    #[inline(always)]
    fn deref(&self) -> &[f64; LANES] {
        &self.0
    }
}

impl DerefMut for Lanes {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f64; LANES] {
        &mut self.0
    }
}

/// One thing for each of them: `each!(lane => of(lane))`. Unlike closures that the array's own `from_fn` and `map` take, it
/// becomes part of every version of a [`Kernel`].
macro_rules! each {
    ($lane:ident => $of:expr) => {
        [
            {
                let $lane = 0_usize;
                $of
            },
            {
                let $lane = 1_usize;
                $of
            },
            {
                let $lane = 2_usize;
                $of
            },
            {
                let $lane = 3_usize;
                $of
            },
        ]
    };
}
pub(crate) use each;

/// A number for each of them: `lanes!(lane => of(lane))`.
macro_rules! lanes {
    ($lane:ident => $of:expr) => {
        $crate::base::vector::Lanes($crate::base::vector::each!($lane => $of))
    };
}
pub(crate) use lanes;

/// Work at the best level that this processor has. Of those of x86-64 only AVX2 and what each has: every version of the
/// simulation takes seconds to compile, and the others gain little.
#[cfg(target_arch = "x86_64")]
macro_rules! at_best {
    ($level:pat => $work:expr) => {{
        let best = Level::new();
        if let Some(avx2) = best.as_avx2() {
            let $level = avx2;
            avx2.vectorize(
                #[inline(always)]
                || $work,
            )
        } else {
            let sse2 = best.as_sse2().expect("every x86-64 processor has SSE2");
            let $level = sse2;
            sse2.vectorize(
                #[inline(always)]
                || $work,
            )
        }
    }};
}

/// Work at the best level that this processor has.
#[cfg(not(target_arch = "x86_64"))]
macro_rules! at_best {
    ($level:pat => $work:expr) => {
        fearless_simd::dispatch!(Level::new(), $level => $work)
    };
}

/// A number as it is kept in memory: one user's, or one of each of several users.
pub trait Cell: Copy + Debug + PartialEq + Send + Sync + 'static {
    /// The number of users.
    const USERS: usize;
    /// One thing for each user.
    type Each<T: Clone + Debug + PartialEq>: Clone + Debug + PartialEq;

    /// The same number for every user.
    fn all(x: f64) -> Self;

    /// The number of this user.
    fn of(&self, user: usize) -> f64;

    /// The number of this user, to be changed.
    fn of_mut(&mut self, user: usize) -> &mut f64;

    /// One thing for each user.
    fn each<T: Clone + Debug + PartialEq>(of: impl FnMut(usize) -> T) -> Self::Each<T>;

    /// What this user has.
    fn at<T: Clone + Debug + PartialEq>(each: &Self::Each<T>, user: usize) -> &T;

    /// What this user has, to be changed.
    fn at_mut<T: Clone + Debug + PartialEq>(each: &mut Self::Each<T>, user: usize) -> &mut T;

    /// Does the work on the best instructions that this processor has.
    fn run<K: Kernel<Self>>(kernel: K) -> K::Output;

    /// A number for each user.
    #[inline(always)]
    fn new(mut of: impl FnMut(usize) -> f64) -> Self {
        let mut cell = Self::all(0.0);
        for user in 0..Self::USERS {
            *cell.of_mut(user) = of(user);
        }
        cell
    }
}

/// Work on cells, with everything that it calls inlined: each instruction set gets a version of its own. [`Cell::run`]
/// looks for the best one; a kernel runs others at its own level.
pub trait Kernel<C: Cell> {
    /// What the work gives.
    type Output;

    /// Does the work.
    fn run<V: Vector<Cell = C>>(self, level: V::Level) -> Self::Output;
}

/// A cell in registers.
pub trait Vector:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// What it is loaded from and stored into.
    type Cell: Cell;
    /// Proof that the processor has the instructions; none is needed for one user, whose vectors the compiler finds.
    type Level: Copy;

    /// The same number for every user.
    fn all(level: Self::Level, x: f64) -> Self;

    /// From a cell.
    fn load(level: Self::Level, cell: &Self::Cell) -> Self;

    /// As a cell.
    fn cell(self) -> Self::Cell;

    /// The square root.
    #[must_use]
    fn sqrt(self) -> Self;

    /// The larger one; neither is NaN.
    #[must_use]
    fn larger(self, other: Self) -> Self;

    /// `then` where it equals `other`, else `otherwise`.
    #[must_use]
    fn if_equal(self, other: Self, then: Self, otherwise: Self) -> Self;
}

impl Cell for f64 {
    const USERS: usize = 1;
    type Each<T: Clone + Debug + PartialEq> = T;

    #[inline(always)]
    fn all(x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn of(&self, _: usize) -> f64 {
        *self
    }

    #[inline(always)]
    fn of_mut(&mut self, _: usize) -> &mut f64 {
        self
    }

    #[inline(always)]
    fn each<T: Clone + Debug + PartialEq>(mut of: impl FnMut(usize) -> T) -> T {
        of(0)
    }

    #[inline(always)]
    fn at<T: Clone + Debug + PartialEq>(each: &T, _: usize) -> &T {
        each
    }

    #[inline(always)]
    fn at_mut<T: Clone + Debug + PartialEq>(each: &mut T, _: usize) -> &mut T {
        each
    }

    fn run<K: Kernel<Self>>(kernel: K) -> K::Output {
        // One user's vectors are long enough for the compiler to find what can be done side by side.
        at_best!(_ => kernel.run::<f64>(()))
    }
}

impl Vector for f64 {
    type Cell = f64;
    type Level = ();

    #[inline(always)]
    fn all((): (), x: f64) -> Self {
        x
    }

    #[inline(always)]
    fn load((): (), cell: &f64) -> Self {
        *cell
    }

    #[inline(always)]
    fn cell(self) -> f64 {
        self
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }

    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        if other > self { other } else { self }
    }

    #[inline(always)]
    fn if_equal(self, other: Self, then: Self, otherwise: Self) -> Self {
        if self == other { then } else { otherwise }
    }
}

impl Cell for Lanes {
    const USERS: usize = LANES;
    type Each<T: Clone + Debug + PartialEq> = [T; LANES];

    #[inline(always)]
    fn all(x: f64) -> Self {
        Self([x; LANES])
    }

    #[inline(always)]
    fn of(&self, user: usize) -> f64 {
        self[user]
    }

    #[inline(always)]
    fn of_mut(&mut self, user: usize) -> &mut f64 {
        &mut self[user]
    }

    #[inline(always)]
    fn each<T: Clone + Debug + PartialEq>(mut of: impl FnMut(usize) -> T) -> [T; LANES] {
        each!(lane => of(lane))
    }

    #[inline(always)]
    fn at<T: Clone + Debug + PartialEq>(each: &[T; LANES], user: usize) -> &T {
        &each[user]
    }

    #[inline(always)]
    fn at_mut<T: Clone + Debug + PartialEq>(each: &mut [T; LANES], user: usize) -> &mut T {
        &mut each[user]
    }

    fn run<K: Kernel<Self>>(kernel: K) -> K::Output {
        at_best!(level => kernel.run::<f64x4<_>>(level))
    }
}

impl<S: Simd> Vector for f64x4<S> {
    type Cell = Lanes;
    type Level = S;

    #[inline(always)]
    fn all(level: S, x: f64) -> Self {
        Self::splat(level, x)
    }

    #[inline(always)]
    fn load(level: S, cell: &Lanes) -> Self {
        Self::simd_from(level, cell.0)
    }

    #[inline(always)]
    fn cell(self) -> Lanes {
        Lanes(self.into())
    }

    #[inline(always)]
    fn sqrt(self) -> Self {
        SimdFloat::sqrt(self)
    }

    #[inline(always)]
    fn larger(self, other: Self) -> Self {
        other.max(self)
    }

    #[inline(always)]
    fn if_equal(self, other: Self, then: Self, otherwise: Self) -> Self {
        self.simd_eq(other).select(then, otherwise)
    }
}
