import { drawBird, drawCat, drawDog } from './animals.js'
import { describe } from './captions.js'
import { drawDistance, drawGround, drawMountains, drawWeather, type Outdoors } from './landscape.js'
import { inkOf, type Palette, paletteOf, tint } from './palette.js'
import type { Pen } from './pen.js'
import { createRandom, type Random } from './random.js'
import { renderDrawing } from './rendering.js'
import { drawRoom, roomPalette } from './room.js'
import { place, rect } from './shapes.js'
import { drawMoon, drawSky } from './sky.js'
import {
  drawBalloon,
  drawBoat,
  drawCar,
  drawChair,
  drawCup,
  drawFlower,
  drawHouse,
  drawLamp,
  drawLighthouse,
  drawTable,
  drawTree,
} from './things.js'
import type { Color, Ground, Kind, SceneObject, Space, Time, Truth, Weather } from './truth.js'

export type { Color, Facts, Ground, Kind, SceneObject, Space, Time, Truth, Weather } from './truth.js'

/** A picture with a description of its contents. */
export interface Scene {
  seed: number
  svg: string
  /** Size of the picture in pixels. The main object lies in its centre square. */
  width: number
  height: number
  truth: Truth
  /** Several sentences about the scene in varied wording, all true of it. */
  captions: string[]
  /** The most complete of the captions, as a sentence. */
  description: string
}

const SIZES: readonly (readonly [number, number])[] = [
  [640, 480],
  [640, 427],
  [600, 600],
  [640, 400],
  [480, 640],
]

const OUTDOOR_SHARE = 0.7
const OUTDOOR_KINDS: Partial<Record<Kind, number>> = {
  house: 15,
  boat: 14,
  car: 13,
  tree: 10,
  balloon: 10,
  dog: 9,
  mountain: 8,
  flower: 8,
  cat: 7,
  moon: 7,
  lighthouse: 6,
  bird: 6,
}
const INDOOR_KINDS: Partial<Record<Kind, number>> = { cat: 22, dog: 18, chair: 18, flower: 16, cup: 16, balloon: 10 }

const TIME_SHARES: Record<Time, number> = { dawn: 24, day: 26, dusk: 24, night: 26 }
const MOON_TIME_SHARES: Partial<Record<Time, number>> = { night: 70, dusk: 15, dawn: 15 }

const GROUND_SHARES: Partial<Record<Kind, Partial<Record<Ground, number>>>> = {
  house: { snow: 38, grass: 36, sand: 10, city: 16 },
  tree: { snow: 30, grass: 45, sand: 25 },
  boat: { water: 1 },
  mountain: { snow: 40, grass: 35, water: 25 },
  dog: { snow: 34, grass: 28, sand: 26, city: 12 },
  cat: { grass: 42, city: 26, snow: 24, sand: 8 },
  car: { city: 50, snow: 22, grass: 12, sand: 16 },
  flower: { grass: 80, sand: 20 },
  moon: { water: 35, snow: 20, grass: 20, city: 25 },
  balloon: { grass: 34, snow: 18, sand: 18, water: 16, city: 14 },
  lighthouse: { water: 60, sand: 40 },
  bird: { water: 30, grass: 30, city: 20, sand: 20 },
}

const COLOR_SHARES: Record<Kind, Partial<Record<Color, number>>> = {
  house: { red: 40, blue: 20, yellow: 20, white: 20 },
  tree: { green: 60, orange: 25, pink: 15 },
  boat: { red: 35, blue: 20, yellow: 20, green: 25 },
  mountain: { grey: 1 },
  dog: { brown: 40, black: 30, white: 30 },
  cat: { black: 35, orange: 35, grey: 15, white: 15 },
  car: { red: 32, blue: 24, yellow: 28, green: 16 },
  flower: { red: 32, yellow: 26, purple: 24, white: 18 },
  moon: { yellow: 1 },
  balloon: { red: 35, blue: 25, yellow: 22, green: 18 },
  lighthouse: { red: 75, blue: 25 },
  bird: { blue: 40, red: 35, yellow: 25 },
  chair: { red: 34, green: 22, blue: 24, yellow: 20 },
  cup: { white: 30, red: 35, blue: 35 },
  lamp: { white: 1 },
  table: { brown: 1 },
}

const DRAWINGS: Record<Exclude<Kind, 'moon' | 'mountain'>, (pen: Pen) => string> = {
  house: drawHouse,
  tree: drawTree,
  boat: drawBoat,
  dog: drawDog,
  cat: drawCat,
  car: drawCar,
  flower: drawFlower,
  balloon: drawBalloon,
  lighthouse: drawLighthouse,
  bird: drawBird,
  chair: drawChair,
  cup: drawCup,
  lamp: drawLamp,
  table: drawTable,
}

/** Heights of main objects as shares of the centre square's side. */
const HEIGHTS: Record<Kind, readonly [number, number]> = {
  house: [0.42, 0.54],
  tree: [0.46, 0.6],
  boat: [0.44, 0.58],
  mountain: [0.38, 0.5],
  dog: [0.38, 0.48],
  cat: [0.42, 0.52],
  car: [0.34, 0.42],
  flower: [0.42, 0.54],
  moon: [0.3, 0.4],
  balloon: [0.46, 0.58],
  lighthouse: [0.5, 0.62],
  bird: [0.38, 0.48],
  chair: [0.46, 0.54],
  cup: [0.27, 0.33],
  lamp: [0.5, 0.56],
  table: [0.26, 0.3],
}

/** A scene, fully determined by its seed (a 32-bit integer). */
export function composeScene(seed: number): Scene {
  const random = createRandom(seed)
  const [width, height] = random.pick(SIZES)
  const space: Space = random.chance(OUTDOOR_SHARE) ? 'outdoor' : 'indoor'
  const main = random.weighted(space === 'outdoor' ? OUTDOOR_KINDS : INDOOR_KINDS)
  const time = random.weighted(main === 'moon' ? MOON_TIME_SHARES : TIME_SHARES)
  const ground = space === 'indoor' ? 'floor' : random.weighted(GROUND_SHARES[main] ?? { grass: 1 })
  const weather = space === 'indoor' ? 'clear' : pickWeather(main, ground, random)
  const truth: Truth = {
    time,
    space,
    ground,
    weather,
    main,
    objects: [{ kind: main, color: pickColor(main, ground, random) }],
  }
  const side = Math.min(width, height)
  const frame = { width, height, side, top: (height - side) / 2 }
  const drawing = space === 'indoor' ? composeRoom(truth, frame, random) : composeLandscape(truth, frame, random)
  // Captions have a separate random stream, so that another phrase does not change the picture.
  const captions = describe(truth, createRandom(seed ^ 0x2545f491))
  return {
    seed,
    svg: `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">${drawing}</svg>`,
    width,
    height,
    truth,
    captions,
    description: captions[0] ?? '',
  }
}

/**
 * The scene as a JPEG of its own size.
 * @param scene what {@link composeScene} returned
 * @param quality JPEG quality, 1 to 100
 */
export function renderScene(scene: Scene, quality = 88): Promise<Buffer> {
  return renderDrawing(scene.svg, quality)
}

type Square = Omit<Outdoors, 'horizon' | 'palette' | 'random' | 'time' | 'weather' | 'ground'>

function pickWeather(main: Kind, ground: Ground, random: Random): Weather {
  if (main === 'moon') return random.chance(0.75) ? 'clear' : 'cloudy'
  if (ground === 'snow') return random.weighted<Weather>({ clear: 40, cloudy: 18, snowfall: 30, fog: 12 })
  return random.weighted<Weather>({ clear: 48, cloudy: 20, rain: 20, fog: 12 })
}

function pickColor(kind: Kind, ground: Ground, random: Random): Color {
  const evergreen = kind === 'tree' && (ground === 'snow' || ground === 'sand')
  return evergreen ? 'green' : random.weighted(COLOR_SHARES[kind])
}

function penFor(object: SceneObject, truth: Truth, palette: Palette, random: Random): Pen {
  const light = (ink: string) => tint(palette, ink)
  return {
    ...object,
    ink: light(inkOf(object.color)),
    light,
    palette,
    random,
    ground: truth.ground,
    space: truth.space,
  }
}

function composeLandscape(truth: Truth, square: Square, random: Random): string {
  const { ground, main, time, weather } = truth
  const { side, top, width } = square
  const horizon = top + side * random.between(0.5, 0.64)
  const palette = paletteOf(time, weather)
  const scene: Outdoors = { ...square, horizon, palette, random, time, weather, ground }
  const bottom = top + side
  const centre = width / 2 + side * random.between(-0.14, 0.14)
  const [low, high] = HEIGHTS[main]
  const size = side * random.between(low, high)
  const subject = truth.objects[0] as SceneObject

  const openSky = weather === 'clear' || weather === 'cloudy'
  const moon = time === 'night' && main !== 'moon' && openSky && random.chance(0.55)
  const layers = [drawSky(scene, main === 'moon' ? 'none' : moon ? 'moon' : time === 'night' ? 'none' : 'sun')]
  if (moon) truth.objects.push({ kind: 'moon', color: 'yellow' })
  if (main === 'moon') {
    const y = top + size * 0.5 + side * random.between(0.06, 0.12)
    layers.push(drawMoon(scene, centre, y, size * 0.5, random.chance(0.3)))
  }

  const open = ground === 'snow' || ground === 'grass' || ground === 'water'
  if (main === 'mountain') {
    layers.push(drawMountains(scene, size, centre, random.integer(2, 4)))
  } else if (open && main !== 'moon' && random.chance(0.18)) {
    layers.push(drawMountains(scene, side * random.between(0.2, 0.28), width / 2 + side * random.between(-0.3, 0.3), 3))
    truth.objects.push({ kind: 'mountain', color: 'grey' })
  } else {
    layers.push(drawDistance(scene))
  }
  layers.push(drawGround(scene))
  layers.push(drawCompany(truth, scene, centre))

  if (main === 'balloon' || main === 'bird') {
    const lift = main === 'bird' ? -size * 0.3 : 0
    const base = Math.min(top + size * 1.12 + side * random.between(0, 0.14), bottom - side * 0.08) - lift
    layers.push(place(DRAWINGS[main](penFor(subject, truth, palette, random)), centre, base, size, random.chance(0.5)))
  } else if (main !== 'moon' && main !== 'mountain') {
    const base = Math.max(horizon + (bottom - horizon) * random.between(0.45, 0.8), top + size * 1.12)
    layers.push(place(DRAWINGS[main](penFor(subject, truth, palette, random)), centre, base, size, random.chance(0.5)))
  }
  layers.push(drawWeather(scene))
  return layers.join('')
}

/** Smaller things beside the main object: trees, a far house, a far sail. */
function drawCompany(truth: Truth, scene: Outdoors, centre: number): string {
  const { ground, horizon, palette, random, side, top, width } = scene
  const { main } = truth
  let company = ''
  const add = (object: SceneObject, x: number, y: number, height: number) => {
    truth.objects.push(object)
    const pen = penFor(object, truth, palette, random)
    if (object.kind !== 'moon' && object.kind !== 'mountain') company += place(DRAWINGS[object.kind](pen), x, y, height)
  }
  const depth = (share: number) => horizon + (top + side - horizon) * share
  if (ground === 'water') {
    if (main !== 'boat' && random.chance(0.2)) {
      const x = width / 2 + side * random.between(0.22, 0.36) * (centre > width / 2 ? -1 : 1)
      add({ kind: 'boat', color: random.weighted(COLOR_SHARES.boat) }, x, depth(0.12), side * random.between(0.15, 0.2))
    }
    return company
  }
  if (main !== 'house' && main !== 'moon' && ground !== 'city' && ground !== 'sand' && random.chance(0.1)) {
    const x = width / 2 + side * random.between(0.26, 0.38) * (centre > width / 2 ? -1 : 1)
    add({ kind: 'house', color: random.weighted(COLOR_SHARES.house) }, x, depth(0.1), side * random.between(0.16, 0.2))
  }
  if (main !== 'tree' && ground !== 'city' && random.chance(0.32)) {
    const color = pickColor('tree', ground, random)
    const count = random.integer(1, 3)
    const firstSide = random.pick([-1, 1])
    for (let i = 0; i < count; i++) {
      const x = width / 2 + side * random.between(0.28, 0.46) * (i % 2 ? -firstSide : firstSide)
      add({ kind: 'tree', color }, x, depth(0.06 + i * 0.07), side * random.between(0.2, 0.3))
    }
  }
  return company
}

function composeRoom(truth: Truth, square: Square, random: Random): string {
  const { main, time } = truth
  const { side, top, width, height } = square
  const horizon = top + side * random.between(0.62, 0.68)
  const palette = roomPalette(paletteOf(time, 'clear'), time)
  const windowSide = random.chance(0.5) ? -1 : 1
  const layers = [drawRoom({ ...square, horizon, palette, random, time, windowSide })]
  // At night the walls of a room go dark, and the objects in front of them less so.
  if (time === 'night') layers.push(rect(0, 0, width, height, '#060b22', 'opacity="0.2"'))
  const bottom = top + side
  const [low, high] = HEIGHTS[main]
  const size = side * random.between(low, high)
  const centre = width / 2 - windowSide * side * random.between(-0.06, 0.14)
  const subject = truth.objects[0] as SceneObject
  const stand = (object: SceneObject, x: number, y: number, tall: number, flip = false) => {
    if (object !== subject) truth.objects.push(object)
    if (object.kind === 'moon' || object.kind === 'mountain') return
    layers.push(place(DRAWINGS[object.kind](penFor(object, truth, palette, random)), x, y, tall, flip))
  }
  if (random.chance(palette.lit ? 0.75 : 0.3)) {
    const x = width / 2 - windowSide * side * random.between(0.33, 0.4)
    stand({ kind: 'lamp', color: 'white' }, x, horizon + side * 0.05, side * random.between(0.48, 0.54))
  }
  if (main === 'cup' || main === 'flower') {
    const base = bottom - side * random.between(0.02, 0.06)
    const tall = side * random.between(...HEIGHTS.table)
    stand({ kind: 'table', color: 'brown' }, centre, base, tall)
    stand(subject, centre + side * random.between(-0.08, 0.08), base - tall * 0.98, size, random.chance(0.5))
  } else if (main === 'balloon') {
    stand(subject, centre, horizon + side * random.between(0.06, 0.14), size)
  } else {
    stand(subject, centre, horizon + (bottom - horizon) * random.between(0.5, 0.78), size, random.chance(0.5))
  }
  return layers.join('')
}
