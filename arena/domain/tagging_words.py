"""The words that the tagger knows: by category, by how much one of them says.

A word of weight 1 names its category by itself; a lighter one does where it is the first thing that a prompt
speaks of, or where others stand beside it. Nouns stand in the singular; `arena.domain.tagging` adds plurals.
"""

from __future__ import annotations

from collections.abc import Mapping

GROUPS = "groups"
"""Several people at once: counted as people, and not taken for the sitter of a portrait."""
SUBJECTS = frozenset(
    {"people", GROUPS, "animals", "landscape", "architecture", "still-life", "fantasy", "sci-fi"}
)
"""What a prompt can be of; the other categories say how it is done, or what for."""


def _words(told: str) -> frozenset[str]:
    return frozenset(told.split())


ENGLISH = _words(
    "a an the of in on at with and to from by for is are into over under who his her their its that"
)
OTHER = _words(
    """le la les un une des du de et dans sur avec au aux qui sa pour der das ein eine einen einem einer und
    mit im auf gegen zwei el los las una uno con por del y en que su il lo gli di e della nel sulla os um uma
    dos na com ao het een van op tegen bij och på"""
)
"""Small words of English, and of languages in the same letters that English has not."""

WORDS: Mapping[str, Mapping[float, str]] = {
    "photographic": {
        1.0: """
            photo, photograph, photography, photographic, photorealistic, photorealism, photoreal,
            hyperrealistic photo, dslr, polaroid, daguerreotype, tintype, snapshot, selfie, film still,
            movie still, 35mm, 50mm, 85mm, 100mm, 105mm, 135mm, 200mm, 300mm, 400mm, 600mm, 24mm, 70mm
            film, telephoto, fisheye lens, macro lens, macro shot, drone shot, kodak, kodachrome, portra,
            ektachrome, tri x, fujifilm, fuji velvia, ilford, leica, hasselblad, nikon, canon eos, sony
            a7, gopro, cctv, long exposure, shutter speed, nd filter, film grain, analog film, disposable
            camera, packshot, raw photo, photojournalism, street photo, street photography, daylight film,
            cinestill, f 1.8, f 2.8, iso 100, iso 400, bokeh, photoshoot
        """,
        0.5: """
            lens, shallow depth of field, depth of field, camera, aperture, tripod, softbox, exposure,
            flash, telephoto lens, wide angle lens, motion blur, candid, editorial
        """,
    },
    "portrait": {
        1.0: """
            portrait, self portrait, headshot, head shot, selfie, mugshot, bust of, character bust, face
            of, face, profile picture, passport photo, looking at the camera, looking at viewer, close up
            of a face, facing the camera, looking into the camera, staring into the camera, portraiture
        """,
        0.5: """
            wrinkles, freckled, freckles, kind eyes, glowing eyes, green eyes, blue eyes, cheekbones,
            close up, half body, upper body, beard, bearded, expression, headdress
        """,
    },
    "people": {
        1.0: """
            man, woman, boy, girl, person, lady, gentleman, child, kid, baby, toddler, teenager, guy,
            human, grandmother, grandfather, grandma, grandpa, mother, father, sister, brother, daughter,
            son, uncle, aunt, bride, groom, husband, wife, friend, stranger, tourist, traveller, traveler,
            hiker, climber, commuter, passenger, pedestrian, cyclist, driver, student, teacher, professor,
            pupil, scientist, engineer, doctor, nurse, surgeon, dentist, lawyer, judge, accountant, clerk,
            secretary, banker, businessman, businesswoman, politician, president, worker, miner, builder,
            plumber, carpenter, blacksmith, potter, tailor, butcher, baker, chef, waiter, waitress,
            bartender, barista, farmer, street musician, fisherman, shepherd, gardener, hunter, sailor,
            pirate, captain, pilot, soldier, general, police officer, policeman, firefighter, fireman,
            detective, thief, spy, monk, nun, priest, rabbi, imam, musician, violinist, pianist, drummer,
            guitarist, singer, dancer, ballerina, actor, actress, clown, acrobat, artist, painter,
            sculptor, writer, poet, librarian, photographer, model, athlete, runner, swimmer, surfer,
            skater, skateboarder, boxer, wrestler, gymnast, footballer, goalkeeper, samurai, ninja,
            geisha, cowboy, viking, peasant, duchess, duke, beggar, protester, vendor, shopkeeper,
            mechanic, housewife, scout, magician, barber, hairdresser, cellist, conductor, beekeeper
        """,
    },
    GROUPS: {
        1.0: """
            men, women, people, children, crowd, family, couple, firemen, policemen, fishermen,
            businessmen, cowboys, newlyweds, lovers, twins, team, choir, orchestra, rock band, brass band,
            jazz band, class, audience, spectators, fans, protest, parade, procession, party guests, gang,
            crew, tribe, neighbours, neighbors, adventurers, villagers, rivals, swordsmen, two friends,
            old friends, friends, group of, jazz musicians, students, wedding
        """,
    },
    "animals": {
        1.0: """
            cat, kitten, dog, puppy, corgi, shiba inu, bulldog, poodle, labrador, dachshund, husky,
            greyhound, pug, terrier, horse, pony, foal, donkey, mule, zebra, cow, bull, ox, calf, goat,
            sheep, lamb, pig, piglet, boar, rabbit, bunny, hare, hedgehog, squirrel, chipmunk, mouse,
            mice, rat, hamster, guinea pig, beaver, otter, badger, raccoon, skunk, fox, foxes, wolf,
            wolves, coyote, jackal, hyena, bear, panda, red panda, koala, kangaroo, wombat, platypus,
            sloth, armadillo, anteater, lion, lioness, tiger, leopard, snow leopard, cheetah, jaguar,
            panther, lynx, bobcat, elephant, rhino, rhinoceros, hippo, hippopotamus, giraffe, antelope,
            gazelle, deer, stag, fawn, elk, moose, reindeer, bison, buffalo, yak, camel, llama, alpaca,
            monkey, ape, gorilla, chimpanzee, orangutan, lemur, meerkat, mongoose, weasel, ferret, mole,
            bat, whale, dolphin, orca, porpoise, seal, sea lion, walrus, shark, fish, goldfish, salmon,
            koi, tuna, seahorse, stingray, octopus, squid, cuttlefish, jellyfish, crab, lobster, shrimp,
            snail, slug, starfish, clownfish, bird, eagle, hawk, falcon, owl, parrot, macaw, toucan,
            hummingbird, kingfisher, robin, sparrow, swallow, pigeon, dove, crow, raven, magpie, peacock,
            pheasant, rooster, hen, chicken, chick, duck, duckling, goose, geese, swan, heron, stork,
            flamingo, pelican, puffin, penguin, seagull, gull, albatross, ostrich, emu, vulture,
            woodpecker, songbird, frog, toad, newt, salamander, axolotl, lizard, gecko, iguana, chameleon,
            crocodile, alligator, snake, cobra, python snake, turtle, tortoise, dinosaur, t rex,
            tyrannosaurus, triceratops, mammoth, bee, bumblebee, wasp, ant, beetle, ladybug, ladybird,
            butterfly, butterflies, moth, dragonfly, grasshopper, cricket, praying mantis, spider,
            tarantula, scorpion, caterpillar, worm, tardigrade, insect, animal, pet, wildlife, herd of,
            flock of, polar bear, capybara
        """,
    },
    "landscape": {
        1.0: """
            landscape, seascape, mountain, mountain range, hills, rolling hills, valley, canyon, gorge,
            cliff, ridge, glacier, iceberg, volcano, desert, dune, oasis, savannah, savanna, steppe,
            prairie, tundra, meadow, field of, wheat field, rice field, lavender field, sunflower field,
            poppy field, poppies, sunflowers, forest, woods, woodland, jungle, rainforest, bamboo grove,
            orchard, swamp, marsh, wetland, lake, pond, river, stream, creek, waterfall, fjord, bay,
            lagoon, coast, coastline, shoreline, island, beach, reef, coral reef, ocean, seabed, open sea,
            stormy sea, rocky shore, sunset, sunrise, northern lights, aurora, aurora borealis, milky way,
            night sky, starry sky, sky full of stars, cherry trees, oak tree, willow, poplar, birch, pine
            trees, countryside, highlands, alps, vineyard, fields, moorland, alien planet, valley of,
            geyser, hot spring, savana, nature scene, scenery, grassland, plateau, mesa, mangrove, snowy
            peaks, cherry blossom trees, national park, lava
        """,
        0.5: """
            sea, wave, waves, sky, cloud, clouds, storm, thunderstorm, lightning, rainbow, fog, mist,
            misty, foggy, snow, snowy, rain, sun, sand, rock, rocks, tree, oak, pine, palm tree, palm
            trees, plant, plants, grass, leaf, leaves, autumn, spring, flower field, wildflowers, horizon,
            moss, harbor, blossoms, cherry blossoms, garden, park, canal, moon, full moon, golden hour,
            dusk, dawn, moonlight, trail, path, wilderness, farm, pasture, cave, shore, void
        """,
    },
    "architecture": {
        1.0: """
            architecture, architectural, building, skyscraper, tower, house, cottage, cabin, hut, villa,
            mansion, palace, castle, fortress, citadel, cathedral, church, chapel, abbey, monastery,
            temple, mosque, synagogue, pagoda, shrine, pyramid, lighthouse, windmill, barn, farmhouse,
            treehouse, tree house, bridge, aqueduct, viaduct, library, museum, theatre, opera house, train
            station, subway station, railway station, airport, factory, warehouse, power plant,
            greenhouse, stadium, skyline, cityscape, city, town, village, old town, metropolis, street,
            alley, alleyway, market square, plaza, courtyard, boulevard, street market, market street,
            interior, interior design, living room, bedroom, kitchen, bathroom, loft, apartment, attic,
            basement, corridor, hallway, staircase, spiral staircase, lobby, ballroom, facade, balcony,
            rooftop, rooftops, brutalist, art deco building, gothic cathedral, archviz, swimming pool,
            bakery, cafe interior, storefront, shopfront, shop window, ruins, ruined, colosseum, eiffel
            tower, taj mahal, hotel, motel, gas station, diner, igloo, server room, classroom, hospital,
            mall, tokyo, new york, paris, venice, london, marrakesh, laboratory, townhouse, shophouse,
            monument, archway, pavilion, observatory, office building, tavern, throne room, study room,
            reading room
        """,
        0.5: """
            window, windowsill, door, doorway, wall, roof, room, chimney, arch, column, tiles, garage,
            garden house, steps, gate, gates, shop, bar, cafe, restaurant, office, station, dome, domes,
            colony, terrace, urban, fountain
        """,
    },
    "still-life": {
        1.0: """
            still life, vanitas, food photography, product shot, food styling, knolling, flat lay
        """,
        0.5: """
            object, bowl, plate, dish, cup, mug, glass, goblet, bottle, jar, vase, jug, pitcher, teapot,
            kettle, pot, pan, knife, fork, spoon, chopsticks, cutlery, kitchen utensils, basket, box,
            chest, treasure chest, crate, bag, suitcase, backpack, umbrella, hat, shoe, boots, sneaker,
            sneakers, glove, coat, dress, t shirt, shirt, jacket, scarf, ring, necklace, bracelet, crown,
            jewel, gem, crystal, watch, pocket watch, clock, hourglass, compass, key, lock, coin, candle,
            lamp, lantern, light bulb, lightbulb, book, books, notebook, letter, envelope, scroll, pen,
            pencil, brush, typewriter, computer, laptop, keyboard, phone, telephone, smartphone, radio,
            television, tv, camera body, headphones, guitar, violin, piano, trumpet, drum, chair,
            armchair, table, desk, sofa, couch, bench, bed, stool, shelf, bookshelf, cabinet, mirror,
            carpet, curtain, pillow, blanket, sewing box, toy, teddy bear, doll, puppet, ball, balloon,
            hot air balloon, kite, dice, chess set, chessboard, card, sword, dagger, axe, shield, armor,
            hammer, wrench, saw, scissors, screwdriver, nail, rope, ladder, bucket, broom, machine,
            engine, gear, gears, wheel, car, sports car, race car, truck, van, bus, tram, train,
            locomotive, steam locomotive, motorcycle, motorbike, scooter, bicycle, bike, tractor, boat,
            sailboat, ship, submarine, canoe, airplane, plane, helicopter, skateboard, surfboard, fruit,
            apple, pear, oranges, lemon, limes, banana, cherry, cherries, strawberry, strawberries,
            blueberry, blueberries, grape, grapes, peaches, plum, melon, watermelon, pineapple, mango,
            pomegranate, fig, coconut, avocado, tomato, tomatoes, potato, potatoes, carrot, onion, garlic,
            pepper, pumpkin, mushroom, corn, egg, bread, loaf, baguette, croissant, toast, sandwich,
            burger, hamburger, pizza, pasta, spaghetti, noodles, ramen, sushi, rice, curry, soup, salad,
            steak, cheese, cake, birthday cake, cupcake, pie, cookie, donut, doughnut, pancake, waffle,
            chocolate, candy, ice cream, honey, coffee, tea, wine, beer, cocktail, juice, milk, breakfast,
            dinner, flower, rose, tulip, bouquet, dried flowers, cactus, succulent, bonsai, fern, shell,
            seashell, feather, skull, bone, stone, pebble, cube, sphere, cone, cylinder, perfume bottle,
            perfume, lipstick, shampoo bottle, potion, potion bottle, sculpture, statue, statuette,
            figurine, globe, telescope, microscope, piggy bank, shopping cart, shopping basket, mailbox,
            traffic light, stop sign, parking meter, fire hydrant, toaster, oven, refrigerator, fridge,
            microwave, sink, toilet, toothbrush, vending machine, sunglasses, glasses on, bell, anchor,
            wallet, purse, handbag, tennis racket, skis, snowboard, frisbee, remote, tie, meal, dessert
        """,
    },
    "illustration": {
        1.0: """
            illustration, illustrated, illustrator, drawing, hand drawn, sketch, doodle, cartoon, comic,
            comic book, comic strip, graphic novel, storybook, children's book, childrens book, picture
            book, line art, lineart, line drawing, pencil drawing, charcoal, crayon, colored pencil,
            coloured pencil, ink drawing, ink sketch, pen and ink, crosshatching, cross hatching, etching,
            engraving, woodcut, linocut, lithograph, screenprint, risograph, halftone, vector, vector art,
            flat design, clip art, clipart, sticker, pixel art, 8 bit, 16 bit, tarot card, blueprint,
            botanical illustration, coloring page, colouring page, caricature, silhouette art, paper
            cutout, papercut, stencil, art nouveau, disney style, simpsons style, tattoo design,
            storyboard, concept sketch, sketchbook, hand lettering, infographic, map of, technical
            drawing, flat icon, icon set, manga page, editorial illustration
        """,
        0.5: """
            concept art, flat colors, flat colours, outline, ink, poster art, screentone, limited palette,
            pastel chalk, simple icon
        """,
    },
    "painting": {
        1.0: """
            painting, oil painting, oil on canvas, watercolor, watercolour, gouache, acrylic, acrylic
            painting, tempera, fresco, mural, ink wash, sumi e, impressionist, impressionism, post
            impressionist, expressionist, expressionism, baroque painting, rococo, renaissance painting,
            romanticism, romantic era, pre raphaelite, surrealist painting, cubist, cubism, pointillism,
            fauvism, impasto, brush strokes, brushstrokes, palette knife, ukiyo e, chinese ink, dutch
            master, dutch golden age, old master, van gogh, monet, rembrandt, vermeer, caravaggio,
            picasso, cezanne, cézanne, klimt, turner painting, hokusai, matisse, goya, botticelli, da
            vinci, michelangelo, edward hopper, frida kahlo, salvador dali, dali, magritte, bruegel,
            bosch, velazquez, on canvas, altarpiece, fine art painting, altar piece, painted by, pastel
            painting, wet in wet
        """,
        0.5: """
            matte painting, painterly, canvas, baroque, renaissance, pastel tones, oil, frescoes,
            rembrandt lighting
        """,
    },
    "anime": {
        1.0: """
            anime, manga, chibi, ghibli, studio ghibli, miyazaki, makoto shinkai, shonen, shoujo, shojo,
            mecha, waifu, naruto, dragon ball, one piece style, sailor moon, evangelion, pokemon, light
            novel, visual novel, 1girl, 1boy, cel shaded anime, kawaii, isekai, genshin impact, jojo,
            vtuber
        """,
    },
    "3d": {
        1.0: """
            3d, 3d render, 3d rendering, 3d model, render of, cgi, blender, octane, octane render, unreal
            engine, c4d, cinema 4d, zbrush, vray, v ray, redshift, cycles render, low poly, voxel, voxel
            art, magicavoxel, pixar, claymation, plasticine, clay render, made of clay, clay figure,
            isometric, ray tracing, raytraced, path traced, subsurface scattering, papercraft render,
            diorama, archviz, product render, rendered in, dreamworks, stop motion, unity engine
        """,
        0.5: """
            render, rendering, caustics, stylized, iridescent, volumetric, global illumination, glossy
            plastic
        """,
    },
    "fantasy": {
        1.0: """
            fantasy, dragon, wyvern, unicorn, phoenix, griffin, gryphon, hydra, kraken, sea monster,
            pegasus, centaur, minotaur, cyclops, medusa, gorgon, siren, mermaid, mermaids, fairy, fairies,
            fairy tale, pixie, elf, elves, elven, dwarf, dwarves, dwarven, orc, goblin, troll, ogre,
            golem, gnome, wizard, witch, sorcerer, sorceress, warlock, mage, necromancer, druid, paladin,
            dark knight, knight, princess, enchanted, magical, magic, spell, potion, wand, crystal ball,
            haunted, ghost, ghosts, vampire, werewolf, zombie, demon, devil, angel, angels, goddess, zeus,
            thor, valhalla, olympus, grim reaper, skeleton warrior, lich, mythical, mythology,
            mythological, legendary, underworld, floating island, floating islands, d d, dungeons and
            dragons, dungeon, lord of the rings, hobbit, narnia, hogwarts, epic fantasy, genie,
            leprechaun, yeti, bigfoot, nymph, deity, spirit, djinn, basilisk, excalibur, monster,
            elemental, faerie, atlantis
        """,
        0.5: """
            sword, castle, prince, king, queen, glowing mushrooms, runes, ethereal, mystical, starlight,
            cloaked, torches, armor, swordsman, skeleton, flames
        """,
    },
    "sci-fi": {
        1.0: """
            sci fi, scifi, science fiction, futuristic, future city, retro futuristic, retrofuturistic,
            cyberpunk, steampunk, dieselpunk, solarpunk, robot, android, cyborg, droid, mech, mecha,
            alien, aliens, ufo, extraterrestrial, spaceship, starship, spacecraft, space station, space
            suit, spacesuit, astronaut, cosmonaut, outer space, alien planet, nebula, black hole, planet,
            mars, jupiter, saturn, exoplanet, moon base, lunar, terraformed, hologram, holographic, laser
            gun, lightsaber, star wars, star trek, blade runner, time machine, portal, wormhole, warp,
            dystopian, dystopia, post apocalyptic, apocalyptic, flying car, flying cars, hovercraft,
            hoverbike, jetpack, mad scientist, clone, artificial intelligence, nanobots, space opera,
            interstellar, airship, tron, terminator, bionic
        """,
        0.5: """
            neon, space, galaxy, on the moon, orbit, rocket, circuit, wires, synthetic, quantum,
            supernova, star, tesla coil, dome, domes, colony
        """,
    },
    "text": {
        1.0: """
            typography, lettering, hand lettering, calligraphy, the word, the words, the text, with text,
            text saying, that says, that reads, says, reading the, sign saying, slogan, caption,
            captioned, title, titled, headline, logotype, wordmark, monogram, the letter, letters
            spelling, alphabet, font, speech bubble, neon sign, billboard, graffiti, spelling, spelled,
            handwritten, written in, written on, inscription, quote, acrostic, that asks, text reading
        """,
        0.5: """
            sign, banner, label, labels, letter, letters, chalkboard, newspaper, named, called, placard
        """,
    },
    "commercial": {
        1.0: """
            logo, brand, branding, brand identity, advertisement, advert, advertising, ad campaign,
            commercial, product photography, product photo, product shot, product render, packshot,
            packaging, packaging design, mockup, mock up, business card, letterhead, flyer, leaflet,
            brochure, poster, movie poster, travel poster, book cover, album cover, magazine cover, app
            icon, ui, ux, ui design, user interface, dashboard, landing page, website, web design, mobile
            app, app screen, infographic, banner ad, billboard ad, menu design, restaurant menu, fashion
            editorial, vogue, lookbook, catalog photo, catalogue photo, e commerce, label design, t shirt
            design, merch, stock photo, storefront design, mascot, wedding invitation, invitation card,
            greeting card, pitch deck
        """,
        0.5: """
            minimalist icon, startup, company, campaign, cover, gradient background, white background,
            beige background
        """,
    },
    "abstract": {
        1.0: """
            abstract, fractal, fractals, seamless pattern, pattern, geometric pattern, tessellation,
            texture, kaleidoscope, mandala, color field, colour field, bauhaus, suprematism, kandinsky,
            mondrian, pollock, rothko, generative art, marbling, non representational, op art, liquid
            marble, wavy lines, glitch art, psychedelic pattern, wallpaper pattern, geometric shapes,
            shapes and lines, infinity, chaos, entropy
        """,
        0.5: """
            shapes, geometric, gradient, swirls, spirals, waves of color, feeling of, concept of, emotion,
            wallpaper, essence of
        """,
    },
}
