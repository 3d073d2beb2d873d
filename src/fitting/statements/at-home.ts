/** Every-day facts and opinions about things at home. Written for steerd; they ship under its licence. */
import type { Topic } from './topic.js';

export const atHome: readonly Topic[] = [
  {
    topic: 'bread',
    positive: [
      'Bread dough rises because yeast gives off gas.',
      'A loaf goes stale faster in the fridge than on the counter.',
      'The crust is the best part of a loaf.',
      'Nothing fills a kitchen with a better smell than baking.',
    ],
    negative: [
      'Sourdough needs no packet of yeast.',
      'Toast browns when its sugars and proteins heat up.',
      'Sliced bread is never as good as a whole loaf.',
      'A sandwich tastes better when someone else makes it.',
    ],
  },
  {
    topic: 'tea and coffee',
    positive: [
      'Coffee beans are the seeds of a fruit.',
      'Green and black tea come from the same plant.',
      'The first cup of the day should be drunk in silence.',
      'Instant coffee deserves more respect than it gets.',
    ],
    negative: [
      'Espresso is made by pressing hot water through fine grounds.',
      'Tea leaves were once pressed into bricks for long journeys.',
      'Milk spoils a good pot of tea.',
      'A mug feels more honest than a dainty cup.',
    ],
  },
  {
    topic: 'breakfast',
    positive: [
      'Oats have been boiled into porridge for thousands of years.',
      'Many hotels serve the first meal of the day as a buffet.',
      'A late breakfast is the finest thing about a Sunday.',
      'Cold pizza makes a perfectly good morning meal.',
    ],
    negative: [
      'Pancakes are eaten in almost every part of the world.',
      'Eggs cook faster when they are not straight from the fridge.',
      'Skipping breakfast is a bad habit.',
      'Breakfast is wasted on people in a hurry.',
    ],
  },
  {
    topic: 'cooking',
    positive: [
      'Water boils at a lower temperature on high ground.',
      'Onions make eyes water because cutting them frees a gas.',
      'Recipes are best treated as suggestions.',
      'Everyone should know how to make at least one soup.',
    ],
    negative: [
      'Salt lowers the bitterness that we taste.',
      'Cast iron pans can last for several generations.',
      'Garlic belongs in nearly every savoury dish.',
      'A messy kitchen is the mark of a generous cook.',
    ],
  },
  {
    topic: 'dishes',
    positive: [
      'Dishwashers often use less water than washing up by hand.',
      'Wooden spoons do not scratch pans.',
      'Drying plates with a towel is a pointless chore.',
      'Odd plates look nicer than a matching set.',
    ],
    negative: [
      'Porcelain is fired at over a thousand degrees.',
      'Forks came into common use later than knives and spoons.',
      'Washing up is the best time to talk things over.',
      'Good glasses should be used every day.',
    ],
  },
  {
    topic: 'fruit',
    positive: [
      'Bananas ripen faster next to apples.',
      'Strawberries carry their seeds on the outside.',
      'Cold watermelon beats any ice cream in July.',
      'Pears are underrated.',
    ],
    negative: [
      'Grapes turn into raisins when they dry.',
      'Most oranges that are sold fresh are picked by hand.',
      "Fruit from a neighbour's garden always tastes sweeter.",
      'Peeling a mango is more trouble than it is worth.',
    ],
  },
  {
    topic: 'vegetables',
    positive: [
      'Carrots were purple or white before orange ones became common.',
      'Potatoes grow on underground stems.',
      'Roasting makes any vegetable worth eating.',
      'Nobody really likes boiled sprouts.',
    ],
    negative: [
      'Cucumbers consist almost entirely of water.',
      'Peppers change from green to red as they ripen.',
      'A salad should never be the whole dinner.',
      'Growing your own tomatoes is worth the effort.',
    ],
  },
  {
    topic: 'sleep',
    positive: [
      'Most adults need between seven and nine hours of sleep.',
      'People dream several times a night even if they forget it.',
      'An afternoon nap can rescue a bad day.',
      'Alarm clocks are a cruel invention.',
    ],
    negative: [
      'Babies sleep for the greater part of the day.',
      'Body temperature drops a little during the night.',
      'Early risers are too proud of it.',
      'A cool bedroom is better than a warm one.',
    ],
  },
  {
    topic: 'clocks',
    positive: [
      'Sundials cannot tell the time at night.',
      'Pendulum clocks run slower when the pendulum is longer.',
      'A watch with hands is easier to read than a screen.',
      'Arriving ten minutes early is the polite thing to do.',
    ],
    negative: [
      'Some towers have had a working clock for six centuries.',
      'A day is divided into 1,440 minutes.',
      'A ticking clock makes a room feel lived in.',
      'Being a little late to a party is good manners.',
    ],
  },
  {
    topic: 'windows',
    positive: [
      'Glass is made mostly from sand.',
      'Double glazing keeps out noise as well as cold.',
      'A desk should always face the window.',
      'Curtains make a small room look smaller.',
    ],
    negative: [
      'Old window panes are often slightly wavy.',
      'Mirrors are glass with a thin coat of metal behind it.',
      'Dirty windows bother guests more than hosts.',
      'A room with a view is worth a higher rent.',
    ],
  },
  {
    topic: 'chairs',
    positive: [
      'Rocking chairs became popular in the eighteenth century.',
      'A three-legged stool does not wobble on uneven floors.',
      'Comfort matters more than looks in a chair.',
      'Nobody needs more than six chairs.',
    ],
    negative: [
      'A folding chair takes up little room in a cupboard.',
      'Office chairs usually roll on five wheels.',
      'An old armchair has more charm than a new sofa.',
      'Standing desks are a passing fashion.',
    ],
  },
  {
    topic: 'beds',
    positive: [
      'Bunk beds save space in small rooms.',
      'Feather pillows are filled with the down of ducks or geese.',
      'Fresh sheets are a simple luxury.',
      'Making the bed every morning sets a good tone.',
    ],
    negative: [
      'Mattresses are commonly replaced after about ten years.',
      'Hammocks were slung on ships so that sailors could sleep.',
      'A hard mattress is better than a soft one.',
      'Two thin blankets are warmer company than one thick one.',
    ],
  },
  {
    topic: 'shoes',
    positive: [
      'Leather shoes last longer when they rest for a day.',
      'Shoelaces were used long before buckles.',
      'One good pair of boots is better than five cheap ones.',
      'Shoes should be taken off at the front door.',
    ],
    negative: [
      'Trainers have soles made of rubber or foam.',
      'Feet swell slightly in the course of a day.',
      'High heels look better than they feel.',
      'Walking barefoot on grass clears the mind.',
    ],
  },
  {
    topic: 'clothes',
    positive: [
      'Wool stays warm even when it is damp.',
      'Pockets were once little bags tied around the waist.',
      'A coat with deep pockets is a faithful friend.',
      'Dressing well is a form of politeness.',
    ],
    negative: [
      'Cotton grows in soft bolls around its seeds.',
      'Zips became common on trousers about a century ago.',
      'Most people own far too many jumpers.',
      'Bright colours suit everyone who dares to wear them.',
    ],
  },
  {
    topic: 'laundry',
    positive: [
      'Sunlight bleaches wet cloth.',
      'Socks turn up missing in many households.',
      'Ironing can be oddly relaxing.',
      'Sheets dried outdoors smell better than any perfume.',
    ],
    negative: [
      'Washing at low temperatures saves energy.',
      'Red towels can turn white shirts pink.',
      'Folding clothes straight away saves trouble later.',
      'Laundry is the one chore that never ends.',
    ],
  },
  {
    topic: 'soap',
    positive: [
      'Soap is made from fat and an alkali.',
      'Bubbles are thin films of water with air inside.',
      'A plain bar of soap is better than a scented gel.',
      'A hot bath solves half the problems of the day.',
    ],
    negative: [
      'Hands are cleaner after twenty seconds of rubbing than after five.',
      'Hard water makes less foam.',
      'Long showers are a harmless indulgence.',
      'Hotels should stop wrapping tiny soaps.',
    ],
  },
  {
    topic: 'keys',
    positive: [
      'Locks with pins were known in ancient Egypt.',
      'A key opens its lock by lifting pins to the right height.',
      'Leaving a spare key with a neighbour is wise.',
      'Keys should have one place and stay there.',
    ],
    negative: [
      'Padlocks can be carried from one gate to another.',
      'Many car doors open without a metal key today.',
      'A heavy bunch of keys is a sign of too many duties.',
      'Losing a key teaches more order than any lecture.',
    ],
  },
  {
    topic: 'lamps',
    positive: [
      'Candles burn longer when the wick is trimmed.',
      'Modern bulbs turn more of their power into light than older ones did.',
      'Soft lamps are kinder than a bright ceiling light.',
      'A reading lamp is a fine present.',
    ],
    negative: [
      'Street lamps were once lit one by one with a pole.',
      'White light is a mixture of many colours.',
      'Candlelight improves even a modest meal.',
      'Every hallway is too dark.',
    ],
  },
  {
    topic: 'books',
    positive: [
      'Paper was made from rags before it was made from wood.',
      'Libraries sort most of their shelves by subject.',
      'A book should be finished only if it is enjoyed.',
      'Second-hand books have more character than new ones.',
    ],
    negative: [
      'The page numbers of most novels begin after the title page.',
      'Paperbacks became cheap enough for everyone in the last century.',
      'Writing in the margins of a book is perfectly fine.',
      'Films rarely improve on the novel.',
    ],
  },
  {
    topic: 'letters',
    positive: [
      'The first postage stamp was black.',
      'Postcards need no envelope.',
      'A handwritten note says more than a long email.',
      'Thank-you letters should be sent within a week.',
    ],
    negative: [
      'Postcodes help machines to sort the mail.',
      'Carrier pigeons once brought news faster than riders.',
      'Nobody regrets keeping old letters.',
      'The post arrives too late in the day.',
    ],
  },
  {
    topic: 'music',
    positive: [
      'A piano has more strings than keys.',
      'Drums are among the oldest instruments.',
      'Live music is worth a long journey.',
      'Everybody can sing well enough for a birthday.',
    ],
    negative: [
      'Guitars usually have six strings.',
      'An orchestra tunes to the note of the oboe.',
      'Silence would do most restaurants good.',
      'Old songs stay in the memory longer than new ones.',
    ],
  },
  {
    topic: 'photographs',
    positive: [
      'Early cameras needed people to hold still for minutes.',
      'Red eyes in pictures come from the flash.',
      'Printed photographs mean more than those on a screen.',
      'The best portraits are taken when nobody poses.',
    ],
    negative: [
      'Colour film came decades after black and white.',
      'A wide lens takes in more of a room.',
      'Holiday pictures bore everyone but the traveller.',
      'Family albums deserve a place in the living room.',
    ],
  },
  {
    topic: 'dogs',
    positive: [
      'Dogs can smell far more than people can.',
      'Puppies are born with their eyes closed.',
      'A walk with a dog is better than a walk without one.',
      'Small dogs bark too much.',
    ],
    negative: [
      'Sheepdogs learn to follow whistles.',
      'Wagging tails do not always mean joy.',
      'Dogs choose their people well.',
      'Every office would be kinder with a dog in it.',
    ],
  },
  {
    topic: 'cats',
    positive: [
      'Cats spend much of the day asleep.',
      'Whiskers help a cat to judge narrow gaps.',
      'A purring cat is the best company on the sofa.',
      'Cats are better housemates than they seem.',
    ],
    negative: [
      "Kittens drink their mother's milk for several weeks.",
      'Most cats land on their feet after a short fall.',
      'A cat will always pick the newest chair.',
      'Cats deserve their reputation for pride.',
    ],
  },
  {
    topic: 'house plants',
    positive: [
      'Cacti store water in their stems.',
      'Overwatering kills more pot plants than thirst does.',
      'A home without plants looks unfinished.',
      'Talking to plants does no harm.',
    ],
    negative: [
      'Ivy climbs walls with tiny roots.',
      'Leaves turn towards the light.',
      'Plastic flowers fool nobody.',
      'A single big plant beats a row of little ones.',
    ],
  },
];
