// @ts-check
/** The prompts in English that are ready to be taken: sent for their Korean, whichever language is on. */

export default {
  "sample.ppl.0": "A summer ad in front of a convenience store: the character smiles brightly, holding the peach soda can",
  "sample.ppl.1": "A fresh cosmetics ad: the character shows the serum in front of a sunny bathroom mirror",
  "sample.goods.0": "The character's face large, warm pastel colours",
  "sample.goods.1": "The character's upper body in the centre, mint background",
  "sample.ppl.2": "A lunch-break ad by a classroom window: the character smiles and hands the peach soda can to a friend",
  "sample.goods.2": "The character waving, crisp colours",
  "scene.cafe.prompt": "At a sunny café window seat the character holds the product in one hand and smiles brightly. A wooden table and a potted plant are in view; the label of the product faces the viewer and is sharp. Keep the character's face, colours and line style.",
  "scene.store.prompt": "In the evening the character sits on a blue chair in front of a convenience store and holds up the product. The sign glows softly; the label of the product faces the viewer and is sharp. Keep the character's face, colours and line style.",
  "scene.classroom.prompt": "At break time the character smiles at a desk by the classroom window with the product beside them. A blackboard and desks are behind; the label of the product faces the viewer and is sharp. Keep the character's face, colours and line style.",
  "scene.street.prompt": "The character walks along a bright tree-lined street with the product in hand. Shops are blurred behind; the label of the product faces the viewer and is sharp. Keep the character's face, colours and line style.",
  "scene.home.prompt": "On the sofa of a cosy living room the character relaxes and holds the product in both hands. Warm lamplight; the label of the product faces the viewer and is sharp. Keep the character's face, colours and line style.",
  "scene.field.prompt": "On the stand of a sports field the character, just done with exercise, holds the product and laughs. Blue sky and a running track; the label of the product faces the viewer and is sharp. Keep the character's face, colours and line style.",
  "scene.rooftop.prompt": "At sunset the character leans on a rooftop railing with the product in hand and looks over the city. Orange sky; the label of the product faces the viewer and is sharp. Keep the character's face, colours and line style.",
  "scene.blossom.prompt": "On a spring path under falling cherry blossoms the character smiles and holds out the product. Petals drift; the label of the product faces the viewer and is sharp. Keep the character's face, colours and line style.",
};
