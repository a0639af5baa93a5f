//! A U-Net as a diagram: one box per resolution, encoder on the left, decoder on the right.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{PathElement, Rectangle};
use plotters::prelude::{DrawingBackend, RGBColor, WHITE};
use plotters::style::Color as _;

use crate::network::topology::Topology;
use crate::plan::schema::{Downsampling, EncoderBlock};
use crate::report::figure::canvas::Plot;
use crate::report::figure::style::{BLUE, GREY, INK, SKY, Scale, VERMILION};
use crate::report::figure::text::{CENTRED, draw_text};
use crate::units::counted;
use crate::volume::Shape;

/// A network and its patch.
pub(crate) struct UNetDiagram<'a> {
    pub topology: &'a Topology,
    /// Patch size, voxels, `[z, y, x]`.
    pub patch: Shape,
}

/// A box of the diagram.
#[derive(Clone, Copy)]
struct Block {
    /// Middle.
    x: i32,
    y: i32,
    /// Half of its width and height.
    half: (i32, i32),
}

impl Plot for UNetDiagram<'_> {
    fn draw<B: DrawingBackend>(&self, area: &DrawingArea<B, Shift>, scale: Scale) -> Result<(), String> {
        let (width, height) = area.dim_in_pixel();
        let (width, height) = (f64::from(width), f64::from(height));
        let levels = self.topology.levels();
        let top = f64::from(scale.pt(20.0));
        let row = (height - top - f64::from(scale.pt(6.0))) / levels as f64;
        let lines = if self.has_usual_blocks() { 2.0 } else { 3.0 };
        let half = (f64::from(scale.pt(30.0)).min(width / 6.0), f64::from(scale.pt(5.0 * lines)).min(0.42 * row));
        let inner = width / 2.0 - half.0 - f64::from(scale.pt(6.0));
        let at = |level: usize, right: bool| {
            // Lower levels are further inside, which gives the diagram the shape of the letter U.
            let depth = level as f64 / levels.saturating_sub(2).max(1) as f64;
            let outer = half.0 + f64::from(scale.pt(6.0));
            let inset = if level + 1 == levels { width / 2.0 } else { outer + (inner - outer).max(0.0) * depth };
            let x = if right { width - inset } else { inset };
            Block { x: x as i32, y: (top + (level as f64 + 0.5) * row) as i32, half: (half.0 as i32, half.1 as i32) }
        };
        for level in 0..levels - 1 {
            let (left, right) = (at(level, false), at(level, true));
            let skip = [(left.x + left.half.0, left.y), (right.x - right.half.0, right.y)];
            draw_connection(area, &skip, GREY, scale)?;
            let (below_left, below_right) = (at(level + 1, false), at(level + 1, true));
            draw_connection(area, &[(left.x, left.y), (below_left.x, below_left.y)], BLUE, scale)?;
            draw_connection(area, &[(below_right.x, below_right.y), (right.x, right.y)], VERMILION, scale)?;
        }
        for level in 0..levels {
            self.draw_level(area, at(level, false), level, &self.encoder_blocks(level), scale)?;
            if level + 1 < levels {
                let blocks = self.blocks(level, self.topology.decoder_blocks[level], "conv.");
                self.draw_level(area, at(level, true), level, &blocks, scale)?;
            }
        }
        let ends = format!(
            "input: {}; output: {}",
            counted(self.topology.in_channels, "channel"),
            counted(self.topology.outputs, "class")
        );
        draw_text(area, &ends, ((width / 2.0) as i32, scale.pt(9.0)), CENTRED, scale)
    }
}

impl UNetDiagram<'_> {
    /// Whether every resolution has two convolutions of the usual kernel size after max pooling, which the drawing does not say.
    fn has_usual_blocks(&self) -> bool {
        let topology = self.topology;
        let kernel = if self.patch.0[0] == 1 { [1, 3, 3] } else { [3; 3] };
        let counts = topology.encoder_blocks.iter().chain(&topology.decoder_blocks);
        topology.block == EncoderBlock::Plain
            && topology.downsampling == Downsampling::MaxPool
            && counts.into_iter().all(|&count| count == 2)
            && topology.kernels.iter().all(|&found| found == kernel)
    }

    fn encoder_blocks(&self, level: usize) -> String {
        let kind = match self.topology.block {
            EncoderBlock::Plain => "conv.",
            EncoderBlock::Residual => "res.",
        };
        self.blocks(level, self.topology.encoder_blocks[level], kind)
    }

    /// Number and kernel size of the blocks of a resolution, such as `2 conv. 1×3×3`.
    fn blocks(&self, level: usize, count: usize, kind: &str) -> String {
        let [z, y, x] = self.topology.kernels[level];
        format!("{count} {kind} {z}×{y}×{x}")
    }

    /// Draws a box with the number of feature maps and their size, and with the blocks if they are not the usual ones.
    fn draw_level<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, Shift>,
        block: Block,
        level: usize,
        blocks: &str,
        scale: Scale,
    ) -> Result<(), String> {
        let (across, up) = block.half;
        let corners = [(block.x - across, block.y - up), (block.x + across, block.y + up)];
        let divisor = self.topology.divisor_at(level);
        let [z, y, x]: [usize; 3] = std::array::from_fn(|axis| self.patch.0[axis] / divisor[axis]);
        let white = WHITE.filled();
        area.draw(&Rectangle::new(corners, white)).map_err(|error| error.to_string())?;
        area.draw(&Rectangle::new(corners, SKY.mix(0.35).filled())).map_err(|error| error.to_string())?;
        let frame = INK.stroke_width(scale.line(0.6));
        area.draw(&Rectangle::new(corners, frame)).map_err(|error| error.to_string())?;
        let features = self.topology.features[level].to_string();
        let size = format!("{z}×{y}×{x}");
        let lines: &[(&str, f64)] = if self.has_usual_blocks() {
            &[(&features, -4.0), (&size, 4.5)]
        } else {
            &[(&features, -8.5), (&size, 0.0), (blocks, 8.5)]
        };
        lines
            .iter()
            .try_for_each(|(line, below)| draw_text(area, line, (block.x, block.y + scale.pt(*below)), CENTRED, scale))
    }
}

fn draw_connection<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    points: &[(i32, i32)],
    colour: RGBColor,
    scale: Scale,
) -> Result<(), String> {
    let line = PathElement::new(points.to_vec(), colour.stroke_width(scale.line(1.0)));
    area.draw(&line).map_err(|error| error.to_string())
}
