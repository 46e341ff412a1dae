/** What photos show, a word each: the texts from which an index for texts learns in which directions texts differ. */
export const COMMON_NOUNS: readonly string[] =
  `dog cat horse cow sheep goat pig chicken duck goose swan eagle owl parrot pigeon gull penguin flamingo peacock crow bee
  butterfly spider ant beetle dragonfly snail frog lizard snake turtle crocodile shark whale dolphin fish jellyfish crab lobster
  octopus elephant lion tiger leopard bear wolf fox deer moose rabbit squirrel mouse hedgehog monkey gorilla kangaroo koala panda
  zebra giraffe camel rhino hippo tree forest palm oak pine bamboo leaf branch root flower rose tulip daisy lily orchid sunflower
  lavender dandelion cactus fern moss mushroom grass wheat corn rice apple orange lemon banana strawberry grape cherry peach
  pineapple mango avocado tomato potato carrot onion pepper pumpkin bread cake cookie chocolate cheese egg honey butter meat
  sausage burger pizza pasta noodle soup salad sushi coffee tea juice wine beer cocktail water milk ice mountain hill valley canyon
  cliff cave volcano glacier desert dune beach coast island sea ocean wave lake river stream waterfall swamp meadow field farm
  garden park road street highway bridge tunnel railway airport harbour pier lighthouse tower castle palace church cathedral
  mosque temple monastery statue fountain square market shop restaurant bar hotel hospital school university library museum
  theatre cinema stadium factory warehouse office skyscraper house cottage cabin tent barn windmill roof wall door window
  staircase balcony kitchen bathroom bedroom sofa chair table bed lamp candle mirror clock carpet curtain shelf vase bottle cup
  glass plate bowl fork knife spoon pan car bus truck van taxi motorcycle bicycle scooter tram train subway boat ship yacht canoe
  kayak ferry airplane helicopter balloon drone rocket satellite man woman child baby boy girl couple family crowd friend dancer
  singer musician guitar piano violin drum trumpet microphone headphones camera phone laptop keyboard screen television robot
  book newspaper letter pen pencil paper map globe painting sculpture graffiti poster flag coin ring necklace watch glasses hat
  scarf coat dress shirt suit shoe boot bag backpack suitcase umbrella football basketball tennis golf ski snowboard surfboard
  skateboard swimming running climbing yoga boxing sun moon star sky cloud rain snow fog storm lightning rainbow sunrise sunset
  night fire smoke dust sand stone metal wood brick concrete marble fabric leather shadow silhouette reflection pattern texture
  hand face eye hair smile kiss tattoo wedding birthday christmas party concert protest war science medicine money love fear
  freedom speed silence age youth winter spring summer autumn minimalism chaos`.split(/\s+/)
