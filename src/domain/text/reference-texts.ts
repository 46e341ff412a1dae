import { EVERYDAY_PROMPTS } from '../indexes/everyday-prompts.js'

/** What photos show, each with its article. */
const CONCEPTS = `
a dog, a cat, a horse, a cow, a sheep, a goat, a pig, a deer, a wolf, a tiger, a monkey, a rabbit, a mouse, a bat, a giraffe,
a zebra, a camel, a whale, a dolphin, a shark, a fish, a crab, a snake, a lizard, a frog, a snail, a spider, an ant, a beetle,
a dragonfly, a parrot, an eagle, a swan, a duck, a chicken, a peacock, a flamingo, a penguin, a seagull, a pigeon, a nest,
a puppy, a kitten, a koala, a kangaroo, a panda, a hedgehog, a jellyfish, a starfish, a shell,
a tree, a palm, a pine, a birch, a leaf, a branch, a root, grass, a bush, ivy, a fern, a flower, a tulip, an orchid, a lily,
a daisy, a poppy, a bouquet, a wreath, a potted plant, a garden, a greenhouse, a hedge, a lawn, a park, a jungle, a swamp,
a meadow, a hill, a valley, a canyon, a cave, a volcano, a glacier, an island, a cliff, a rock, sand, mud, soil, a river,
a stream, a pond, a puddle, a wave, an iceberg, snow, ice, frost, rain, fog, a cloud, a storm, a tornado, the sun, the sky,
stars, a comet, a planet, dawn, dusk, midnight, spring, summer, autumn, winter,
an apple, a banana, an orange, a lemon, a strawberry, cherries, grapes, a watermelon, a pineapple, a coconut, an avocado,
a tomato, a potato, a carrot, an onion, garlic, a pepper, a pumpkin, mushrooms, corn, rice, pasta, bread, a croissant, a cake,
a cookie, a doughnut, chocolate, ice cream, cheese, an egg, meat, a steak, a sausage, a burger, a sandwich, a salad, soup,
sushi, a pie, honey, butter, a spice, salt, tea, milk, beer, a cocktail, juice, water, a bottle, a can, a jar, a mug, a plate,
a bowl, a spoon, a fork, a knife, a pan, a kettle, a stove, an oven, a refrigerator, a sink, a tap, a cutting board,
a table, a chair, a sofa, a bed, a pillow, a blanket, a carpet, a curtain, a window, a door, a key, a lock, a lamp, a candle,
a chandelier, a mirror, a clock, a vase, a shelf, a drawer, a basket, a box, a bag, a suitcase, an umbrella, a broom, a bucket,
a ladder, a hammer, a saw, a screwdriver, a nail, a rope, a chain, a needle, a button, a toy, a doll, a balloon, a kite,
a puzzle, a card game, a dice, a gift, a ribbon, a bell, a flag, a sign, a poster, a painting, a statue, a mask,
a book, a newspaper, a letter, a map, a notebook, a pen, a pencil, paint, a brush, scissors, paper, a stamp, a calendar,
a computer, a keyboard, a screen, a phone, a tablet, headphones, a microphone, a loudspeaker, a radio, a television, a camera,
a lens, a tripod, a drone, a robot, a battery, a cable, a light bulb, a satellite, a telescope,
a guitar, a violin, a drum, a trumpet, a flute, a record player, a stage, a dancer, a singer, an orchestra,
a shirt, a dress, a skirt, trousers, jeans, a coat, a jacket, a sweater, a scarf, a hat, a cap, a helmet, a glove, socks,
shoes, boots, sandals, high heels, a belt, a tie, glasses, sunglasses, a ring, a necklace, earrings, a bracelet, a backpack,
a purse, a uniform, a costume, a veil, a swimsuit,
a man, a woman, a boy, a girl, a baby, a family, friends, a crowd, a bride, a groom, a soldier, a police officer, a firefighter,
a nurse, a chef, a waiter, a farmer, a fisherman, a teacher, a student, a scientist, an artist, a photographer, a musician,
a monk, a tourist, a cyclist, a swimmer, a face, an eye, a mouth, hair, a beard, a hand, a foot, a finger, a smile, a kiss,
a hug, sleep, work, a meeting, a party, a wedding ring, a funeral, a protest, a parade, a festival, a carnival, a circus,
a car, a truck, a bus, a van, a tractor, a motorbike, a scooter, a train, a tram, a plane, a helicopter, a rocket, a ship,
a boat, a canoe, a yacht, a ferry, an anchor, a wheel, a tyre, an engine, a road, a highway, a tunnel, a crossing,
a traffic light, a parking lot, a petrol station, an airport, a harbour, a pier, a bridge, a railway,
a house, a cottage, a castle, a palace, a tower, a church, a mosque, a temple, a monastery, a cemetery, a ruin, a pyramid,
a windmill, a lighthouse, a barn, a farm, a village, a town, a city, a square, a street, an alley, a wall, a fence, a gate,
a roof, a chimney, a balcony, a terrace, stairs, an escalator, a lift, a corridor, a hall, a column, an arch, a dome,
a fountain, a bench, a playground, a swimming pool, a gym, a stadium, a museum, a theatre, a cinema, a library, a school,
a classroom, an office, a hospital, a laboratory, a factory, a workshop, a warehouse, a shop, a supermarket, a market,
a restaurant, a cafe, a bar, a hotel, a bathroom, a bedroom, a kitchen, a living room, an attic, a basement, a prison,
football, basketball, tennis, golf, baseball, boxing, wrestling, skiing, snowboarding, surfing, sailing, climbing, hiking,
running, cycling, swimming, yoga, fishing, hunting, camping, a tent, a bonfire, a hammock, a skateboard, a ball, a medal,
a texture, a pattern, a shadow, a silhouette, a reflection, a bokeh, smoke, fire, dust, glass, wood, metal, stone, fabric,
leather, rust, bubbles, neon, a rainbow, darkness, light, red, blue, green, yellow, pink, black and white, a close-up,
a view from above, a panorama, a portrait, a still life, an illustration, a screenshot, text on a page, a logo, a diagram,
love, sadness, anger, fear, peace, loneliness in a city, power, poverty, luxury, success, growth, time, travel, home, nature,
science, religion, war, health, money, business, education, art, music, fashion, technology
`

/** Everyday searches and what they are for: the texts that photos are compared with, where a user gives no others. */
export const REFERENCE_TEXTS: readonly string[] = [
  ...EVERYDAY_PROMPTS,
  ...CONCEPTS.trim()
    .split(/,\s+/)
    .map(text => text.trim()),
]
