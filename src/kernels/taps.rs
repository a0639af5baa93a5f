//! Sums of taps of the kernel over rows of voxels: what the gradient of the weights is made of.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

use std::ops::Range;

use super::border::Shape;
use super::vector::Vector;

/// A plane of the input and the rows of the gradient that see it.
pub(super) struct Seen<'a> {
    pub(super) plane: &'a [f32],
    pub(super) y: Range<usize>,
    /// Number of the gradient's first voxel in the stretch.
    pub(super) first: usize,
}

/// Adds to the sums `[tap, output]` of `N` rows of three taps of a plane of the kernel, from row `F` on.
#[inline(always)]
pub(super) unsafe fn rows_of_taps<V: Vector, const W: usize, const F: usize, const N: usize>(
    seen: &[Seen<'_>],
    columns: &[f32],
    shape: &Shape,
    sums: &mut [f32],
) {
    let [_, height, width] = shape.size;
    assert_eq!(sums.len(), 3 * N * W * V::LANES);
    // SAFETY: the processor has the instructions.
    let mut tile = unsafe { [[[V::zero(); W]; 3]; N] };
    for Seen { plane, y, first } in seen {
        assert!(y.end <= height && plane.len() == height * width);
        assert!((first + y.len() * width) * W * V::LANES <= columns.len());
        for (row, y) in y.clone().enumerate() {
            // SAFETY: the processor has the instructions; the row and what it sees lie within the slices.
            unsafe {
                let input = plane.as_ptr().add(y * width);
                let gradient = columns.as_ptr().add((first + row * width) * W * V::LANES);
                match (y > 0, y + 1 < height) {
                    (true, true) => add_row::<V, W, F, N, true, true>(&mut tile, input, gradient, width),
                    (false, true) => add_row::<V, W, F, N, false, true>(&mut tile, input, gradient, width),
                    (true, false) => add_row::<V, W, F, N, true, false>(&mut tile, input, gradient, width),
                    (false, false) => add_row::<V, W, F, N, false, false>(&mut tile, input, gradient, width),
                }
            }
        }
    }
    for (at, sum) in tile.as_flattened().as_flattened().iter().enumerate() {
        // SAFETY: the sums have as many vectors as the tile.
        unsafe {
            let to = sums.as_mut_ptr().add(at * V::LANES);
            sum.plus(V::load(to)).store(to);
        }
    }
}

/// Adds the products of a row of voxels, which has a row above it (`A`) and below it (`B`), or not.
#[inline(always)]
unsafe fn add_row<V: Vector, const W: usize, const F: usize, const N: usize, const A: bool, const B: bool>(
    tile: &mut [[[V; W]; 3]; N],
    input: *const f32,
    gradient: *const f32,
    width: usize,
) {
    // SAFETY: as for the caller; the first voxel sees nothing to its left, the last one nothing to its right.
    unsafe {
        if width == 1 {
            add_voxel::<V, W, F, N, A, B, 1, 2>(tile, input, gradient, width);
            return;
        }
        add_voxel::<V, W, F, N, A, B, 1, 3>(tile, input, gradient, width);
        for x in 1..width - 1 {
            add_voxel::<V, W, F, N, A, B, 0, 3>(tile, input.add(x), gradient.add(x * W * V::LANES), width);
        }
        let last = width - 1;
        add_voxel::<V, W, F, N, A, B, 0, 2>(tile, input.add(last), gradient.add(last * W * V::LANES), width);
    }
}

/// Adds the products of a voxel with the columns of taps from `L` to `R`.
#[inline(always)]
unsafe fn add_voxel<
    V: Vector,
    const W: usize,
    const F: usize,
    const N: usize,
    const A: bool,
    const B: bool,
    const L: usize,
    const R: usize,
>(
    tile: &mut [[[V; W]; 3]; N],
    input: *const f32,
    gradient: *const f32,
    width: usize,
) {
    // SAFETY: as for the caller.
    unsafe {
        let mut values = [V::zero(); W];
        for w in 0..W {
            values[w] = V::load(gradient.add(w * V::LANES));
        }
        for n in 0..N {
            let j = F + n;
            if (j == 0 && !A) || (j == 2 && !B) {
                continue;
            }
            for i in L..R {
                let factor = V::splat(input.offset((j as isize - 1) * width as isize + i as isize - 1));
                for w in 0..W {
                    tile[n][i][w] = tile[n][i][w].add_product(factor, values[w]);
                }
            }
        }
    }
}

/// Adds to the sums `[channel, output]`, at a distance, of one tap of `N` channels; each strip is seen once for each of them.
#[inline(always)]
pub(super) unsafe fn one<V: Vector, const W: usize, const N: usize>(
    seen: &[Seen<'_>],
    columns: &[f32],
    shape: &Shape,
    [j, i]: [usize; 2],
    sums: &mut [f32],
    stride: usize,
) {
    let [_, height, width] = shape.size;
    let [_, kernel_y, kernel_x] = shape.kernel;
    let inside = |tap: usize, edge: usize, size: usize| {
        (edge / 2).saturating_sub(tap)..size.min((size + edge / 2).saturating_sub(tap))
    };
    let (rows, voxels) = (inside(j, kernel_y, height), inside(i, kernel_x, width));
    // SAFETY: the processor has the instructions.
    let mut tile = unsafe { [[V::zero(); W]; N] };
    for channels in seen.chunks_exact(N) {
        let Seen { y, first, .. } = &channels[0];
        assert!(y.end <= height && channels.iter().all(|seen| seen.plane.len() == height * width));
        assert!((first + y.len() * width) * W * V::LANES <= columns.len());
        for at in y.start.max(rows.start)..y.end.min(rows.end) {
            for x in voxels.clone() {
                // SAFETY: the processor has the instructions; voxel and what it sees lie within the slices.
                unsafe {
                    let gradient = columns.as_ptr().add((first + (at - y.start) * width + x) * W * V::LANES);
                    let mut values = [V::zero(); W];
                    for w in 0..W {
                        values[w] = V::load(gradient.add(w * V::LANES));
                    }
                    let from = (at + j - kernel_y / 2) * width + x + i - kernel_x / 2;
                    for n in 0..N {
                        let factor = V::splat(channels[n].plane.as_ptr().add(from));
                        for w in 0..W {
                            tile[n][w] = tile[n][w].add_product(factor, values[w]);
                        }
                    }
                }
            }
        }
    }
    for n in 0..N {
        let sums = &mut sums[n * stride..][..W * V::LANES];
        for w in 0..W {
            // SAFETY: the sums of a channel have `W` vectors.
            unsafe {
                let to = sums.as_mut_ptr().add(w * V::LANES);
                tile[n][w].plus(V::load(to)).store(to);
            }
        }
    }
}
