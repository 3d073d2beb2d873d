/** Every-day facts and opinions about the world outside the door. Written for steerd; they ship under its licence. */
import type { Topic } from './topic.js';

export const outside: readonly Topic[] = [
  {
    topic: 'rain',
    positive: [
      'Raindrops are not shaped like tears.',
      'Some places get rain on most days of the year.',
      'Rain on the roof is the most soothing sound there is.',
      'Umbrellas are more trouble than wet hair.',
    ],
    negative: [
      'Clouds are made of tiny drops or crystals.',
      'A rainbow appears opposite the sun.',
      'Grey days are good for getting things done.',
      'Puddles are meant to be jumped in.',
    ],
  },
  {
    topic: 'winter',
    positive: [
      'Snow is quieter than rain because it traps air.',
      'Lakes freeze from the top down.',
      'The first snowfall of the year still feels like a gift.',
      'Winter is best seen through a window.',
    ],
    negative: [
      'Salt melts the ice on pavements.',
      'Icicles form when meltwater drips and freezes again.',
      'Gloves without fingers make little sense.',
      'Cold weather brings people closer together.',
    ],
  },
  {
    topic: 'summer',
    positive: [
      'The longest day of the northern year falls in June.',
      'Dark clothes warm up faster in the sun.',
      'Summer evenings are too short.',
      'Ice lollies taste best when they drip.',
    ],
    negative: [
      'Shade can feel ten degrees cooler than a sunny wall.',
      'Crickets chirp more quickly when it is warm.',
      'Heat is harder to bear than cold.',
      'Long school holidays are good for everybody.',
    ],
  },
  {
    topic: 'wind',
    positive: [
      'Wind turbines turn moving air into power.',
      'Kites fly best in a steady breeze.',
      'A windy walk clears the head.',
      'Hats and gales do not go together.',
    ],
    negative: [
      'Windmills ground grain for many centuries.',
      'Sea breezes blow towards the land in the daytime.',
      'The sound of wind at night is comforting.',
      'Nothing is more annoying than a draught.',
    ],
  },
  {
    topic: 'rivers',
    positive: [
      'Rivers carry sand and stones downstream.',
      'Most old cities stand beside a river.',
      'A river makes any town more beautiful.',
      'Skipping stones is a skill worth learning.',
    ],
    negative: [
      'Beavers build dams out of branches.',
      "Fresh water flows into salt water at a river's mouth.",
      'Swimming in a river is better than swimming in a pool.',
      'Fishing is mostly an excuse to sit still.',
    ],
  },
  {
    topic: 'the sea',
    positive: [
      'The tides follow the moon.',
      'Waves can travel for days before they break.',
      'A day at the beach is tiring but worth it.',
      'Sand gets into everything and that is the price.',
    ],
    negative: [
      'Lighthouses warn ships of rocks.',
      'The sea is saltier in some places than in others.',
      'Shells make poor souvenirs.',
      'Sea air improves the appetite.',
    ],
  },
  {
    topic: 'hills',
    positive: [
      'Hills are often the remains of older mountains.',
      'The air gets thinner as one climbs.',
      'The view from the top always repays the climb.',
      'Going down is harder than going up.',
    ],
    negative: [
      'Sheep keep many hillsides short and green.',
      'Echoes come back from steep walls of rock.',
      'A hill is friendlier than a mountain.',
      'Maps make climbs look easier than they are.',
    ],
  },
  {
    topic: 'trees',
    positive: [
      'Oaks can live for hundreds of years.',
      'The rings in a trunk show how old it is.',
      'Every street should be lined with trees.',
      'Climbing trees ought to be part of childhood.',
    ],
    negative: [
      'Pines keep their needles all year.',
      'Leaves change colour when the green in them fades.',
      'Autumn is the handsomest season in a wood.',
      'Cutting down an old tree should need a good reason.',
    ],
  },
  {
    topic: 'birds',
    positive: [
      'Swallows fly south for the winter.',
      'Owls can turn their heads most of the way round.',
      'Birdsong is a better alarm than any bell.',
      'Pigeons are smarter than people think.',
    ],
    negative: [
      'Hummingbirds can hover and fly backwards.',
      'Ducks have feathers that water rolls off.',
      'Feeding birds in the garden brings more joy than it costs.',
      'Seagulls have earned their bad name.',
    ],
  },
  {
    topic: 'roads',
    positive: [
      'Roman roads were built in layers.',
      'Traffic lights use the same colours almost everywhere.',
      'Side roads are more interesting than motorways.',
      'Long drives are good for conversation.',
    ],
    negative: [
      'Roundabouts keep cars moving without signals.',
      'Tarmac softens on very hot days.',
      'Most drivers think that they are better than average.',
      'Honking rarely helps anyone.',
    ],
  },
  {
    topic: 'bicycles',
    positive: [
      'A bicycle stays upright more easily when it moves.',
      'Bicycle tyres were first filled with air in the nineteenth century.',
      'Cycling is the nicest way to see a city.',
      'A bell is more useful than a fast gear.',
    ],
    negative: [
      'Tandems carry two riders in a line.',
      'Chains need oil to run quietly.',
      'Helmets should be worn even on short rides.',
      'An old bike is less worry than a new one.',
    ],
  },
  {
    topic: 'trains',
    positive: [
      'Rails expand a little in the heat.',
      'The first underground railway ran on steam.',
      'A train journey is a pleasure in itself.',
      'Window seats are better than aisle seats.',
    ],
    negative: [
      'Trains need a long distance to stop.',
      'Sleeper cars have beds that fold down.',
      'Railway stations should have more benches.',
      'Reading on a train is better than reading at home.',
    ],
  },
  {
    topic: 'buses',
    positive: [
      'Double-decker buses carry more people without taking up more road.',
      'Most buses have doors on only one side.',
      'The back row of the bus is the best.',
      'Bus drivers deserve more thanks.',
    ],
    negative: [
      'School buses are painted yellow in some countries.',
      'Electric buses are quieter than those with engines.',
      'Waiting for a bus teaches patience.',
      'A bus tour is a lazy way to know a town.',
    ],
  },
  {
    topic: 'markets',
    positive: [
      'Market stalls often lower their prices before closing.',
      'Barter was common before coins.',
      'Fresh produce is worth getting up early for.',
      'Haggling takes the fun out of shopping.',
    ],
    negative: [
      'Flea markets sell used goods outdoors.',
      'Cheese is cut to order at many stalls.',
      'Small shops are friendlier than big ones.',
      'A shopping list saves money and temper.',
    ],
  },
  {
    topic: 'money',
    positive: [
      'Coins often have ridges around the edge.',
      'Banknotes are made from cotton or plastic more often than plain paper.',
      'Lending money to friends is a mistake.',
      'Small savings are better than grand plans.',
    ],
    negative: [
      'Receipts fade when they are left in the light.',
      'Piggy banks have been made of clay for centuries.',
      'Tipping should be done away with.',
      'A bargain that nobody needs is no bargain.',
    ],
  },
  {
    topic: 'schools',
    positive: [
      'Blackboards are often green.',
      'School years begin in different months around the world.',
      'Children should have longer breaks.',
      'Homework does less good than teachers hope.',
    ],
    negative: [
      'Chalk is a soft kind of limestone.',
      'Most pupils learn to read between five and seven.',
      'Learning a poem by heart is time well spent.',
      'Handwriting lessons still make sense.',
    ],
  },
  {
    topic: 'teachers',
    positive: [
      'Teachers often mark papers in the evening.',
      'Many languages use the same word for teacher and master.',
      'A good teacher is remembered for life.',
      'Strict teachers are fairer than easy ones.',
    ],
    negative: [
      'Classes are smaller in some countries than in others.',
      'Some village schools have a single teacher.',
      'Nobody learns well from someone they dislike.',
      'Teaching something is the surest way to understand it.',
    ],
  },
  {
    topic: 'offices',
    positive: [
      'Many desks in open offices have no fixed owner.',
      'Meetings fill a large part of the week for managers.',
      'Most meetings could be half as long.',
      'A tidy desk does not mean a tidy mind.',
    ],
    negative: [
      'Staplers join sheets with a bent piece of wire.',
      'Carbon copies gave emails one of their fields.',
      'Lunch should never be eaten at the desk.',
      'Colleagues become friends over coffee, not in meetings.',
    ],
  },
  {
    topic: 'neighbours',
    positive: [
      'Terraced houses share their side walls.',
      'Hedges have marked the borders of gardens for centuries.',
      'It pays to be kind to the people next door.',
      'Loud music after ten is rude.',
    ],
    negative: [
      'Flats above shops are common in old town centres.',
      'Fences are lower in front gardens than at the back.',
      'Borrowing sugar is really about having a chat.',
      'A good neighbour is worth more than a good view.',
    ],
  },
  {
    topic: 'friends',
    positive: [
      'Many friendships begin at school.',
      'Pen friends may write for years without meeting.',
      'Old friends need fewer words.',
      'It is better to have three close friends than thirty loose ones.',
    ],
    negative: [
      'People tend to befriend those who live nearby.',
      'Shared hobbies bring strangers together.',
      'True friends say when there is spinach in your teeth.',
      'Friends make poor travel agents.',
    ],
  },
  {
    topic: 'children',
    positive: [
      'Children grow faster in spring than in autumn.',
      'Toddlers learn several new words a day.',
      'Children should be allowed to be bored.',
      'Grandparents spoil children and are right to do so.',
    ],
    negative: [
      'Milk teeth fall out from about the age of six.',
      'Newborns cannot focus on things far away.',
      'Children ask better questions than adults.',
      'Bedtime stories matter more than bedtimes.',
    ],
  },
  {
    topic: 'guests',
    positive: [
      'Wine is a common present for a host.',
      'In some countries guests are always offered tea.',
      'A guest should leave before the host yawns.',
      'Surprise visits are the nicest kind.',
    ],
    negative: [
      'Guest rooms often serve as a study for the rest of the year.',
      'Place cards show people where to sit.',
      'Bringing a dessert is never wrong.',
      'Staying more than three nights is asking too much.',
    ],
  },
  {
    topic: 'holidays',
    positive: [
      'Many people take their longest break in August.',
      'Suitcases were given wheels only in the 1970s.',
      'Packing light is the secret of a good trip.',
      'A week at home can be the best holiday.',
    ],
    negative: [
      'Time zones make long flights confusing.',
      'Campsites are often closed in winter.',
      'Planning a journey is half the fun of it.',
      'Souvenir shops all sell the same things.',
    ],
  },
  {
    topic: 'games',
    positive: [
      'A chessboard has sixty-four squares.',
      'Playing cards come in four suits.',
      'Board games bring out the worst in families.',
      'Losing well is harder than winning.',
    ],
    negative: [
      'Dice have been found in very old graves.',
      'The opposite sides of a die add up to seven.',
      'Puzzles are better than television on a wet day.',
      'Hide and seek never goes out of fashion.',
    ],
  },
  {
    topic: 'telephones',
    positive: [
      'Early telephones had no dial.',
      'Most phone numbers for emergencies have only three digits.',
      'Phones have no place at the dinner table.',
      'A call is kinder than a text.',
    ],
    negative: [
      'Signals from a mobile travel as radio waves.',
      'Phone boxes have become rare in most cities.',
      'Nobody needs a new phone every year.',
      'Ringing after nine in the evening is impolite.',
    ],
  },
];
