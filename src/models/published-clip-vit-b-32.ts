import type { PublishedVectors } from './self-test-texts.js'

/** Made by tools/published/derive.ts, which says from what. */
export const CLIP_VIT_B_32_VECTORS: PublishedVectors = {
  title: 'CLIP ViT-B/32',
  source: 'text embeddings of OpenAI CLIP ViT-B/32 (github.com/openai/CLIP)',
  dimension: 512,
  texts: [
    {
      text: 'a dalmatian',
      tokens: '6f7b81e0dbeaf886d2b6e2772d9aab66f8c1889301ac75f2f7f3331a125c3812',
      signs: {
        at: [40, 43, 47, 73, 78, 80, 185, 262, 291, 308, 367, 442],
        sha256: '858faae7f7c9c622dc4e3c60913413b62c94b096e19ffb11e55867114907b584',
      },
      values: {
        at: [100, 121, 158, 251, 266, 310, 353, 356, 358, 409, 435, 463],
        sha256: '7499126be632cb43e3f75bd5b9294bfecb4df04a0cdf9538bfb017bfc0f02784',
      },
    },
    {
      text: 'a sawhorse',
      tokens: 'b7a76f842cef19c89c73c4d43a813c9ee18621d6a4598d4ca2b557b1e1b907b9',
      signs: {
        at: [13, 55, 116, 147, 157, 212, 214, 249, 260, 330, 379, 418],
        sha256: '4da95e3711cccd2eec7b6968145bae6838fd343c0965fc5533b53331b628ed3a',
      },
      values: {
        at: [4, 28, 98, 213, 264, 272, 285, 289, 311, 413, 419, 481],
        sha256: 'db5c68d3e515e9b1d3db26824e3fd24ee45e96915e5959b142f28568c1866252',
      },
    },
    {
      text: 'a blackboard',
      tokens: '18c5fc209455ce62c64f2f9df651ec79a26e3c00f0f55da6e6312790e1e01999',
      signs: {
        at: [90, 162, 248, 252, 273, 323, 356, 393, 397, 429, 430, 445],
        sha256: '112c84edca5d2cfb9d4124dd7d3b1c2735c5e27b4c9ce4974d7912587efc301a',
      },
      values: {
        at: [9, 62, 123, 132, 185, 192, 246, 254, 294, 329, 360, 417],
        sha256: '0a4a9c4811aa1e4400c1145c24198f8678ce58f73c542c6e63a88742e64b1b4d',
      },
    },
    {
      text: 'a fireplug',
      tokens: 'da3265f840ef3ae9e14d2c5400992129cb3f9475bebbc2d10999d23e99b1ad88',
      signs: {
        at: [48, 162, 221, 251, 291, 339, 351, 392, 413, 416, 424, 450],
        sha256: '20cc55b376382fdd3c2c43c0cd6518ca036371c6ca81a4fb0fb9529f9dcfc7e7',
      },
      values: {
        at: [38, 42, 118, 130, 134, 188, 201, 227, 234, 250, 354, 483],
        sha256: 'aa3f426786be7602e14d4188cc71dedea8a2b9e68cbaaf58761415b9dc27e415',
      },
    },
    {
      text: 'a persimmon',
      tokens: 'd3c4f2f9c63c21de418bc9c5b7eefd4132505524f9e8a8aee3db7c0ecb4171f5',
      signs: {
        at: [85, 97, 143, 170, 204, 224, 262, 311, 414, 424, 477, 492],
        sha256: '339226875d50aa29a2fd5fe3926d06a53b6e6df61ad440d85ec35bb4b335cba1',
      },
      values: {
        at: [160, 164, 212, 213, 215, 267, 268, 291, 336, 366, 481, 508],
        sha256: '5c19b1ee03aedfa80e896b288728b2dba4f3c931383184efa3056c0c31a71c2f',
      },
    },
    {
      text: 'a seahorse',
      tokens: 'daff27e6a2cd2f9397664bd2228221e4190c98ba9cb93c7a6e531d8cbd2027cc',
      signs: {
        at: [3, 43, 70, 188, 215, 222, 241, 265, 278, 336, 446, 505],
        sha256: '5a7e5b62e665b9bfa035755df6f747d7fdc2baafb070c48361ee035470f8c54e',
      },
      values: {
        at: [18, 33, 80, 133, 148, 213, 219, 279, 307, 312, 362, 449],
        sha256: '56ca631359832b1f83b1c404916b712084474a3812e1f785fcdf7bc7e3c31824',
      },
    },
    {
      text: 'a weathervane',
      tokens: '8deec60fb44716634c87a80d68d31d6a80ede4ec5021b5e60eed47d5cdd8f180',
      signs: {
        at: [55, 59, 86, 154, 277, 281, 372, 379, 411, 418, 461, 495],
        sha256: '61cc748c9269395ba80c98d9d5441dcde5eaf3e75451090c8fb4b2e8a01d9281',
      },
      values: {
        at: [159, 190, 203, 226, 238, 274, 284, 304, 353, 368, 416, 442],
        sha256: '7088606926e57b25f67f9093c68db25759d33c4bc6ae55d000d046bf263f80e0',
      },
    },
    {
      text: 'a harmonium',
      tokens: '307681363c64c476003e631383d4f2676e25911821c7ab2a28f19066ff6c44d6',
      signs: {
        at: [140, 176, 180, 191, 215, 236, 245, 265, 268, 326, 401, 439],
        sha256: '8bcd868642bfecff3b1c9d5f0ced5f47c0f14b24650a28337a6c5ff558e05b54',
      },
      values: {
        at: [32, 62, 133, 139, 147, 185, 292, 312, 347, 385, 393, 443],
        sha256: 'e3e33a890176a3343fa80410e77c77fa9b8cf907edc0b37eb72e95f06a127e18',
      },
    },
    {
      text: 'a hippopotamus',
      tokens: '2c64836bd2226755056ccd2e7f4181eeac3fed56b1d9afd168e5bd976dad880e',
      signs: {
        at: [30, 43, 80, 132, 188, 209, 247, 324, 354, 370, 377, 442],
        sha256: 'aa7c040fec169116a3914e40cd836a3d15ec3b37cd42aeab750212933e85fb00',
      },
      values: {
        at: [64, 181, 187, 205, 293, 309, 368, 410, 418, 427, 449, 460],
        sha256: 'ec47cad04574b9aafdc1df3c74979a32ea9fefeefce0257c3ebf36fe2cbddcc6',
      },
    },
    {
      text: 'a tachometer',
      tokens: '5fe9a896ba23a615df7810703fcfd5fa6260c7a2e64c52336dba19bf0202a269',
      signs: {
        at: [59, 81, 158, 191, 193, 218, 282, 350, 363, 410, 417, 501],
        sha256: 'c88739dc405536432450d590d5791d0df556ec8698acaa0df8c1288603d04394',
      },
      values: {
        at: [73, 97, 127, 149, 178, 259, 308, 405, 422, 456, 485, 503],
        sha256: '83e5abb1344d2f15c6910a38dcaa0513fc6648e1acf268ba854f42aec3fe9569',
      },
    },
    {
      text: 'a parakeet',
      tokens: '21a92f2efa49d2492796c413a2e732c135255bc88dbeb8c03e6c38cf969f97df',
      signs: {
        at: [30, 46, 48, 116, 146, 170, 277, 366, 377, 462, 483, 491],
        sha256: 'c7ed5b11d7f7e32d529b681b784a95cf8285abc44772195dd935fad815459776',
      },
      values: {
        at: [8, 25, 94, 100, 129, 133, 212, 215, 246, 312, 329, 397],
        sha256: '1700edfd0adf5aca7f82619576e42f81097e68dd2527cfc6c520aba795beff04',
      },
    },
    {
      text: 'a pug-dog',
      tokens: '0137ed0017de329b7c292d66eeb8d91e23480946cd2d74f6233e0e0d42ed2817',
      signs: {
        at: [41, 46, 80, 160, 246, 269, 317, 324, 426, 437, 487, 491],
        sha256: '29503565ac438eb2a6431958fc4bb4e04f8cdb49b0c1996679d990ddbb02ade2',
      },
      values: {
        at: [95, 133, 289, 312, 315, 335, 382, 424, 427, 450, 459, 472],
        sha256: '35d1a3844e66693d3888f42143d51d909694cd171f650985b3508cb2ef7a836e',
      },
    },
    {
      text: 'a golfcart',
      tokens: 'b12c2e619df99e2f75f1dd2c112b857b433e8308e99d4a290a1b74d4a6dfded6',
      signs: {
        at: [1, 10, 70, 122, 157, 220, 222, 289, 295, 350, 384, 509],
        sha256: 'f4852d2c10d082e5ad9e80668e37826f76c29ca817e44540fa1ab9243cb9ae73',
      },
      values: {
        at: [24, 41, 83, 143, 191, 213, 285, 379, 412, 459, 460, 472],
        sha256: '3b438d517aabbddd317ecf8feda114576445a70bfce0c9a24cdcf26041bb8552',
      },
    },
    {
      text: 'a newsstand',
      tokens: '26b57dd8624dca12a021e02975765745422c7ac854f80f9614dffae86f1f4c43',
      signs: {
        at: [34, 83, 85, 135, 169, 349, 357, 424, 453, 460, 487, 508],
        sha256: '5efd70d494fe071f4d81a6b65f5683b06c8f7f8514dd3fb172b17fd5ac3f93ba',
      },
      values: {
        at: [23, 61, 132, 141, 245, 249, 269, 279, 284, 314, 390, 466],
        sha256: '9f6d4617113be1a0ce4c7740d471b51532db5a6ce6f5d4a056cb5eb459fad717',
      },
    },
    {
      text: 'a Rollerblade',
      tokens: 'b8aca401ff8b0480517aa8778b6321c88184afc68497fb09f0e30e1d17e32c23',
      signs: {
        at: [3, 26, 81, 109, 198, 252, 295, 303, 360, 371, 453, 479],
        sha256: '096bd457a34735d161838c18408db1457ae2e411c42bc444f6e86b5e7a56240a',
      },
      values: {
        at: [28, 95, 160, 181, 184, 294, 337, 359, 387, 398, 457, 507],
        sha256: '55736b90eb00f3905cf7a7483422c7b1622a55ca41d84b1b250023134974ab28',
      },
    },
    {
      text: 'a bow-tie',
      tokens: '4225483fbe690f8d7bcfda90072e1fdff5e47cf35e33188489cf9512be63787a',
      signs: {
        at: [81, 157, 223, 243, 333, 345, 374, 385, 391, 452, 474, 506],
        sha256: '1f13e892e227c721223714edbcc32cc5b29c9bcf6497f86a75c3237a675a646b',
      },
      values: {
        at: [72, 114, 164, 190, 226, 241, 300, 318, 384, 421, 450, 511],
        sha256: '7dfd1474bccae1fd60030317ed21e189b3d53d7bbdc2fbddae04b090cacab486',
      },
    },
  ],
}
