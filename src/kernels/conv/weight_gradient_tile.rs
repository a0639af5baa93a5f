//! Weight gradient of one stretch of voxels: the sums of a tile of taps and output channels stay in registers over all voxels.
#![expect(unsafe_code, reason = "vector instructions on raw pointers")]

use std::ops::Range;

use super::stencil::Stencil;
use crate::kernels::simd::Vector;

/// A plane of the input, and the rows of the output gradient that are multiplied with it.
pub(super) struct InputRows<'a> {
    pub(super) plane: &'a [f32],
    /// Rows of the output gradient.
    pub(super) y: Range<usize>,
    /// Index of their first voxel in the stretch.
    pub(super) first: usize,
}

/// The two factors of the products that are summed over a stretch.
#[derive(Clone, Copy)]
pub(super) struct Operands<'a> {
    pub(super) stencil: &'a Stencil,
    pub(super) inputs: &'a [InputRows<'a>],
    /// Output gradient of the stretch, `[voxel, output]`.
    pub(super) gradient: &'a [f32],
}

/// Adds to the sums, `[tap, output]`, of `ROWS` rows of three taps of a kernel plane, beginning with row `FIRST_ROW` of the kernel;
/// the padding of the plane is 1.
#[inline(always)]
pub(super) unsafe fn accumulate_three_taps<
    V: Vector,
    const VECTORS: usize,
    const FIRST_ROW: usize,
    const ROWS: usize,
>(
    operands: Operands<'_>,
    sums: &mut [f32],
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        V::outline(
            #[inline(always)]
            || add_three_taps::<V, VECTORS, FIRST_ROW, ROWS>(operands, sums),
        );
    }
}

#[inline(always)]
unsafe fn add_three_taps<V: Vector, const VECTORS: usize, const FIRST_ROW: usize, const ROWS: usize>(
    operands: Operands<'_>,
    sums: &mut [f32],
) {
    let Operands { stencil, inputs, gradient: transposed } = operands;
    let Stencil { size: [_, height, width], stride: [_, stride, step], .. } = *stencil;
    let [_, rows, columns] = stencil.output_size();
    let shape = RowShape { width, columns, step };
    assert_eq!(sums.len(), 3 * ROWS * VECTORS * V::LANES);
    // SAFETY: the processor supports the instruction set.
    let mut tile = unsafe { [[[V::zero(); VECTORS]; 3]; ROWS] };
    for InputRows { plane, y, first } in inputs {
        assert!(y.end <= rows && plane.len() == height * width);
        assert!((first + y.len() * columns) * VECTORS * V::LANES <= transposed.len());
        for (row, y) in y.clone().map(|y| y * stride).enumerate() {
            // SAFETY: the processor supports the instruction set; rows and taps lie within the slices.
            unsafe {
                let input = plane.as_ptr().add(y * width);
                let gradient = transposed.as_ptr().add((first + row * columns) * VECTORS * V::LANES);
                let tile = &mut tile;
                match (y > 0, y + 1 < height) {
                    (true, true) => add_row::<V, VECTORS, FIRST_ROW, ROWS, true, true>(tile, input, gradient, shape),
                    (false, true) => add_row::<V, VECTORS, FIRST_ROW, ROWS, false, true>(tile, input, gradient, shape),
                    (true, false) => add_row::<V, VECTORS, FIRST_ROW, ROWS, true, false>(tile, input, gradient, shape),
                    (false, false) => {
                        add_row::<V, VECTORS, FIRST_ROW, ROWS, false, false>(tile, input, gradient, shape);
                    }
                }
            }
        }
    }
    for (index, sum) in tile.as_flattened().as_flattened().iter().enumerate() {
        // SAFETY: the sums have as many vectors as the tile.
        unsafe {
            let to = sums.as_mut_ptr().add(index * V::LANES);
            sum.add(V::load(to)).store(to);
        }
    }
}

/// How a row of the output gradient lies over a row of the input.
#[derive(Clone, Copy)]
struct RowShape {
    /// Voxels of the input's row.
    width: usize,
    /// Voxels of the gradient's row.
    columns: usize,
    /// Distance of their positions in the input.
    step: usize,
}

/// Adds the products of a row of voxels; `ABOVE` and `BELOW` are whether the map has a row above and below it.
#[inline(always)]
unsafe fn add_row<
    V: Vector,
    const VECTORS: usize,
    const FIRST_ROW: usize,
    const ROWS: usize,
    const ABOVE: bool,
    const BELOW: bool,
>(
    tile: &mut [[[V; VECTORS]; 3]; ROWS],
    input: *const f32,
    gradient: *const f32,
    shape: RowShape,
) {
    let RowShape { width, columns, step } = shape;
    // The last voxel has no right tap where its position is the last one of the input's row.
    let last = columns - 1;
    let last_has_right = last * step + 1 < width;
    // SAFETY: guaranteed by the caller; the left tap of the first voxel and the right tap beyond the input are skipped.
    unsafe {
        if last == 0 && !last_has_right {
            add_voxel::<V, VECTORS, FIRST_ROW, ROWS, ABOVE, BELOW, 1, 2>(tile, input, gradient, width);
            return;
        }
        add_voxel::<V, VECTORS, FIRST_ROW, ROWS, ABOVE, BELOW, 1, 3>(tile, input, gradient, width);
        for x in 1..if last_has_right { columns } else { last } {
            let (input, gradient) = (input.add(x * step), gradient.add(x * VECTORS * V::LANES));
            add_voxel::<V, VECTORS, FIRST_ROW, ROWS, ABOVE, BELOW, 0, 3>(tile, input, gradient, width);
        }
        if !last_has_right {
            let (input, gradient) = (input.add(last * step), gradient.add(last * VECTORS * V::LANES));
            add_voxel::<V, VECTORS, FIRST_ROW, ROWS, ABOVE, BELOW, 0, 2>(tile, input, gradient, width);
        }
    }
}

/// Adds the products of a voxel with the taps of the kernel columns `FIRST_TAP..END_TAP`.
#[inline(always)]
unsafe fn add_voxel<
    V: Vector,
    const VECTORS: usize,
    const FIRST_ROW: usize,
    const ROWS: usize,
    const ABOVE: bool,
    const BELOW: bool,
    const FIRST_TAP: usize,
    const END_TAP: usize,
>(
    tile: &mut [[[V; VECTORS]; 3]; ROWS],
    input: *const f32,
    gradient: *const f32,
    width: usize,
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        let mut values = [V::zero(); VECTORS];
        for v in 0..VECTORS {
            values[v] = V::load(gradient.add(v * V::LANES));
        }
        for row in 0..ROWS {
            let j = FIRST_ROW + row;
            if (j == 0 && !ABOVE) || (j == 2 && !BELOW) {
                continue;
            }
            for i in FIRST_TAP..END_TAP {
                let factor = V::splat(input.offset((j as isize - 1) * width as isize + i as isize - 1));
                for v in 0..VECTORS {
                    tile[row][i][v] = tile[row][i][v].add_product(factor, values[v]);
                }
            }
        }
    }
}

/// A position of the kernel within one of its planes.
#[derive(Clone, Copy)]
pub(super) struct PlaneTap {
    pub(super) y: usize,
    pub(super) x: usize,
}

/// Adds to the sums of one tap for `CHANNELS` input channels; `stride` is the distance between the sums of adjacent channels.
///
/// The operands contain the input rows of every strip once per channel.
#[inline(always)]
pub(super) unsafe fn accumulate_single_tap<V: Vector, const VECTORS: usize, const CHANNELS: usize>(
    operands: Operands<'_>,
    tap: PlaneTap,
    sums: &mut [f32],
    stride: usize,
) {
    // SAFETY: guaranteed by the caller.
    unsafe {
        V::outline(
            #[inline(always)]
            || add_single_tap::<V, VECTORS, CHANNELS>(operands, tap, sums, stride),
        );
    }
}

#[inline(always)]
unsafe fn add_single_tap<V: Vector, const VECTORS: usize, const CHANNELS: usize>(
    operands: Operands<'_>,
    tap: PlaneTap,
    sums: &mut [f32],
    stride: usize,
) {
    let Operands { stencil, inputs, gradient: columns } = operands;
    let Stencil { size: [_, height, width], stride: strides, padding, .. } = *stencil;
    let [_, output_height, output_width] = stencil.output_size();
    let (rows, voxels) = (stencil.outputs_with_tap(1, tap.y), stencil.outputs_with_tap(2, tap.x));
    // SAFETY: the processor supports the instruction set.
    let mut tile = unsafe { [[V::zero(); VECTORS]; CHANNELS] };
    for channels in inputs.chunks_exact(CHANNELS) {
        let InputRows { y, first, .. } = &channels[0];
        assert!(y.end <= output_height && channels.iter().all(|input| input.plane.len() == height * width));
        assert!((first + y.len() * output_width) * VECTORS * V::LANES <= columns.len());
        for row in y.start.max(rows.start)..y.end.min(rows.end) {
            for x in voxels.clone() {
                // SAFETY: the processor supports the instruction set; voxel and tap lie within the slices.
                unsafe {
                    let gradient =
                        columns.as_ptr().add((first + (row - y.start) * output_width + x) * VECTORS * V::LANES);
                    let mut values = [V::zero(); VECTORS];
                    for v in 0..VECTORS {
                        values[v] = V::load(gradient.add(v * V::LANES));
                    }
                    let (y, x) = (row * strides[1] + tap.y - padding[1], x * strides[2] + tap.x - padding[2]);
                    for c in 0..CHANNELS {
                        let factor = V::splat(channels[c].plane.as_ptr().add(y * width + x));
                        for v in 0..VECTORS {
                            tile[c][v] = tile[c][v].add_product(factor, values[v]);
                        }
                    }
                }
            }
        }
    }
    for c in 0..CHANNELS {
        let sums = &mut sums[c * stride..][..VECTORS * V::LANES];
        for v in 0..VECTORS {
            // SAFETY: the sums of a channel have `VECTORS` vectors.
            unsafe {
                let to = sums.as_mut_ptr().add(v * V::LANES);
                tile[c][v].add(V::load(to)).store(to);
            }
        }
    }
}
