import { darker, lighter } from './palette.js'
import type { Pen } from './pen.js'
import { circle, ellipse, path, polygon, stroke } from './shapes.js'

/** A dog in profile, tail up, with a collar. */
export function drawDog({ ink, random, light }: Pen): string {
  const shade = darker(ink, 0.18)
  const dark = light('#2b211d')
  const lift = random.between(-6, 4)
  const legs = [-40, -27, 22, 35]
    .map((x, i) => stroke(`M${x} -38L${x + (i % 2 ? 2 : -2)} -4`, i % 2 ? ink : shade, 11))
    .join('')
  return (
    ellipse(0, 0, 62, 5, '#000000', 'opacity="0.18"') +
    legs +
    stroke(`M-46 -58Q-66 -68 -62 ${-88 + lift}`, ink, 9) +
    ellipse(-4, -52, 47, 22, ink) +
    ellipse(-6, -42, 36, 11, lighter(ink, 0.12)) +
    stroke('M34 -60L46 -74', ink, 22) +
    stroke('M32 -68L47 -58', light('#e0483e'), 6) +
    ellipse(50, -82, 19, 17, ink) +
    ellipse(67, -77, 15, 9, lighter(ink, 0.14)) +
    ellipse(79, -80, 5, 4, dark) +
    ellipse(38, -78, 8, 17, darker(ink, 0.32), 'transform="rotate(12 38 -78)"') +
    circle(55, -86, 3.2, dark) +
    stroke('M66 -70Q72 -68 77 -71', dark, 1.6)
  )
}

/** A sitting cat that faces the viewer, tail curled to one side. */
export function drawCat({ ink, light }: Pen): string {
  const shade = darker(ink, 0.2)
  const pink = light('#f3a0a8')
  const eye = light('#9fd04b')
  const ear = (side: number) =>
    polygon([side * 27, -76, side * 25, -106, side * 6, -89], ink) +
    polygon([side * 23, -81, side * 22, -98, side * 11, -88], pink)
  const eyes = [-11, 11].map(x => ellipse(x, -74, 5.2, 6, eye) + ellipse(x, -74, 1.8, 5, '#101010')).join('')
  const whiskers = [-1, 1]
    .map(side =>
      [-64, -60, -56].map(y => stroke(`M${side * 11} -62L${side * 33} ${y - 2}`, light('#e9e4da'), 1)).join(''),
    )
    .join('')
  return (
    ellipse(0, 0, 46, 5, '#000000', 'opacity="0.18"') +
    stroke('M26 -8Q62 -4 56 -34Q53 -46 44 -44', shade, 10) +
    path('M-32 0Q-36 -50 -16 -58L16 -58Q36 -50 32 0Z', ink) +
    ellipse(0, -22, 15, 20, lighter(ink, 0.22)) +
    ellipse(-15, -3, 13, 6, lighter(ink, 0.1)) +
    ellipse(15, -3, 13, 6, lighter(ink, 0.1)) +
    ear(-1) +
    ear(1) +
    ellipse(0, -72, 30, 24, ink) +
    stroke('M-6 -93L-4 -86M0 -95L0 -87M6 -93L4 -86', shade, 3) +
    eyes +
    ellipse(0, -61, 11, 8, lighter(ink, 0.3)) +
    polygon([-4, -65, 4, -65, 0, -60], pink) +
    whiskers
  )
}

/** A bird in flight, wings raised. Its origin is below it, so that a height of 100 hangs in the air. */
export function drawBird({ ink, random, light }: Pen): string {
  const wing = darker(ink, 0.22)
  const raise = random.between(-8, 8)
  return (
    path(`M-8 -52Q-34 ${-84 + raise} -30 -108Q6 -98 16 -56Z`, wing) +
    polygon([-34, -46, -76, -32, -72, -46, -78, -56], wing) +
    path('M-42 -46Q-14 -74 30 -64Q52 -70 58 -56Q50 -30 4 -30Q-24 -30 -42 -46Z', ink) +
    path('M-14 -36Q10 -26 44 -42Q30 -30 4 -30Q-8 -30 -14 -36Z', lighter(ink, 0.5)) +
    path(`M-10 -54Q-44 ${-66 + raise} -56 -96Q-12 -90 18 -52Q4 -44 -10 -54Z`, darker(ink, 0.1)) +
    polygon([56, -62, 76, -54, 56, -50], light('#f4a623')) +
    circle(47, -59, 3.6, light('#17130f')) +
    circle(48, -60, 1.1, '#ffffff')
  )
}
