"""How much of what is no statement the default model refuses to answer, and why; beside the statements it should answer.

    python tests/benchmarks/unfamiliar.py [--model NAME] [--max-error 0.1] [--real FOLDER]

Recipes, sports reports, chatter and texts in other languages are composed here; code and legal English come with
Python: its own sources and its licence. Statements are those of the holdout and of the contrast set. With --real a
folder of official statements: every ``real*.jsonl`` there is one more set, cut by its column ``lang`` if it has one.

Prints a line for each set: the share abstained, the share for each reason, and the median share of known words.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sysconfig
from collections import Counter
from pathlib import Path

import numpy as np

RECIPES = """
Peel and finely chop two onions, soften them in olive oil over a low heat for ten minutes, then stir in the garlic and cumin.
Whisk the eggs with the sugar until pale and thick, fold in the sifted flour, and bake at 180 degrees for half an hour.
Soak the chickpeas overnight, drain them, and simmer with a bay leaf until tender. Season generously with salt and lemon.
Melt the butter in a heavy pan, add the rice and toast it until glossy, then ladle in the hot stock little by little.
For the dough, rub the cold butter into the flour, add a splash of iced water, and chill, wrapped, for at least an hour.
Roast the aubergines whole until the skins blister, scoop out the flesh and mash it with tahini, parsley and yoghurt.
Brown the lamb shanks on all sides, pour over the wine, cover, and braise gently for three hours until it falls off the bone.
Toss the tomatoes with basil, a pinch of sugar and good vinegar. Serve with crusty bread and plenty of black pepper.
Simmer the cream with vanilla, pour it over the yolks, strain, and set the custards in a bath of hot water to bake.
Slice the cucumbers thinly, sprinkle with salt, squeeze dry, and dress with dill, sour cream and a grating of horseradish.
"""
SPORTS = """
The visitors took the lead on the stroke of half-time when the winger curled a free kick over the wall and into the net.
She broke serve twice in the deciding set and closed out the match with an ace down the middle after three hours on court.
Two late three-pointers sent the game into overtime, where the home side's rookie guard scored nine of his 31 points.
The keeper spilled a routine cross and the striker tapped in from two yards for his twelfth goal of the season.
A crash on the final climb split the peloton, and the young sprinter rode clear to win the stage by eleven seconds.
He was caught behind for 84 just before tea, and the tail folded quickly as the spinners found turn and bounce.
The relay team lowered the national record by half a second but had to settle for bronze behind the favourites.
After a goalless first half the substitutes changed the match, and the defender headed home a corner in stoppage time.
The rookie pitcher struck out seven over six scoreless innings before the bullpen blew the save in the ninth.
Heavy rain made the track slippery, and the pole-sitter spun on lap twelve, handing the race to his team mate.
"""
CHATTER = """
Loved the headphones at first, but the left earbud died after two weeks and support never replied to my emails. Two stars.
Hi everyone, just moved into the flat upstairs and wondered if anybody has a drill I could borrow this weekend? Thanks!
The sequel is prettier than the original but the plot drags, the jokes fall flat, and the villain chews the scenery.
Once upon a time a tiny hedgehog lived beneath the roots of an old oak, and every evening she counted the fireflies.
Spacious two-bedroom apartment with balcony, fitted kitchen and parking, five minutes' walk from the tram stop. No pets.
To reset your password, click the link below, enter the code we texted you, and choose a new one of twelve characters.
Mitochondria are organelles that produce most of the cell's chemical energy, stored in a small molecule called ATP.
My grandmother knitted me a scarf so long that the dog and I could both wear it, and we did, all the way to school.
Take one tablet twice daily with food. Do not exceed the stated dose. If symptoms persist, consult your pharmacist.
Gather your tent, stove and sleeping bag the night before, check the trail map, and leave the trailhead by dawn.
"""
LANGUAGES = {
    "German": """
Die Regierung hat am Montag erklärt, dass sie zu weiteren Gesprächen bereit sei, sofern die andere Seite ihre Truppen abzieht.
Wir weisen diese Vorwürfe entschieden zurück; sie entbehren jeder Grundlage und dienen allein der Ablenkung.
Der Minister dankte den Helfern und kündigte an, dass die Brücke noch in diesem Jahr wieder geöffnet werde.""",
    "French": """
Le gouvernement se dit prêt à reprendre les négociations si les conditions de sécurité sont enfin réunies à la frontière.
Nous rejetons avec la plus grande fermeté ces accusations sans fondement, qui ne visent qu'à détourner l'attention.
La ministre a remercié les équipes de secours et annoncé que le pont rouvrira avant la fin de l'année.""",
    "Spanish": """
El gobierno está dispuesto a reanudar las conversaciones siempre que la otra parte retire sus tropas de la frontera.
Rechazamos de manera categórica estas acusaciones, que carecen de todo fundamento y solo buscan distraer a la gente.
La ministra agradeció el trabajo de los equipos de rescate y anunció que el puente se abrirá antes de fin de año.""",
    "Italian": """
Il governo è pronto a riprendere il dialogo, purché l'altra parte ritiri le proprie truppe dal confine orientale.
Respingiamo con forza queste accuse prive di fondamento, che servono soltanto a distogliere l'attenzione dai fatti.
La ministra ha ringraziato i soccorritori e ha annunciato che il ponte riaprirà entro la fine dell'anno.""",
    "Portuguese": """
O governo está disposto a retomar as conversações desde que a outra parte retire as suas tropas da fronteira.
Rejeitamos com firmeza estas acusações, que não têm qualquer fundamento e só servem para desviar as atenções.
A ministra agradeceu às equipas de socorro e anunciou que a ponte reabrirá antes do final do ano.""",
    "Dutch": """
De regering is bereid de gesprekken te hervatten, mits de andere partij haar troepen van de grens terugtrekt.
Wij wijzen deze beschuldigingen met klem van de hand; ze zijn ongegrond en bedoeld om de aandacht af te leiden.
De minister bedankte de hulpverleners en zei dat de brug nog voor het einde van het jaar weer open gaat.""",
    "Polish": """
Rząd jest gotów wznowić rozmowy, pod warunkiem że druga strona wycofa swoje wojska znad granicy.
Stanowczo odrzucamy te zarzuty, które są całkowicie bezpodstawne i mają jedynie odwrócić uwagę.
Minister podziękowała ratownikom i zapowiedziała, że most zostanie otwarty jeszcze w tym roku.""",
    "Turkish": """
Hükümet, karşı tarafın birliklerini sınırdan çekmesi hâlinde görüşmelere yeniden başlamaya hazır olduğunu açıkladı.
Hiçbir dayanağı olmayan bu suçlamaları kesin bir dille reddediyoruz; amaç yalnızca dikkatleri dağıtmaktır.
Bakan, kurtarma ekiplerine teşekkür etti ve köprünün yıl sonundan önce yeniden açılacağını duyurdu.""",
    "Indonesian": """
Pemerintah siap melanjutkan perundingan asalkan pihak lain menarik pasukannya dari wilayah perbatasan.
Kami menolak dengan tegas tuduhan yang sama sekali tidak berdasar ini dan hanya bertujuan mengalihkan perhatian.
Menteri berterima kasih kepada para penolong dan mengumumkan bahwa jembatan akan dibuka sebelum akhir tahun.""",
    "Russian": """
Правительство готово возобновить переговоры, если другая сторона отведёт свои войска от границы.
Мы решительно отвергаем эти обвинения: они лишены всяких оснований и призваны лишь отвлечь внимание.
Министр поблагодарила спасателей и сообщила, что мост откроют до конца года.""",
    "Greek": """
Η κυβέρνηση είναι έτοιμη να συνεχίσει τις συνομιλίες, εφόσον η άλλη πλευρά αποσύρει τα στρατεύματά της.
Απορρίπτουμε κατηγορηματικά αυτές τις αβάσιμες κατηγορίες, που αποσκοπούν μόνο στον αποπροσανατολισμό.
Η υπουργός ευχαρίστησε τους διασώστες και ανακοίνωσε ότι η γέφυρα θα ανοίξει πριν από το τέλος του έτους.""",
    "Arabic": """
أعلنت الحكومة استعدادها لاستئناف المحادثات إذا سحب الطرف الآخر قواته من المنطقة الحدودية.
نرفض رفضا قاطعا هذه الاتهامات التي لا أساس لها والتي لا تهدف إلا إلى صرف الأنظار عن الوقائع.
شكرت الوزيرة فرق الإنقاذ وأعلنت أن الجسر سيعاد فتحه قبل نهاية العام.""",
    "Hindi": """
सरकार बातचीत फिर से शुरू करने को तैयार है, बशर्ते दूसरा पक्ष सीमा से अपने सैनिक हटा ले।
हम इन निराधार आरोपों को पूरी तरह खारिज करते हैं, जिनका मक़सद केवल ध्यान भटकाना है।
मंत्री ने बचाव दल को धन्यवाद दिया और कहा कि पुल साल के अंत से पहले खुल जाएगा।""",
    "Chinese": """
政府表示，只要对方从边境地区撤出军队，就愿意恢复谈判，并就停火的具体安排进行磋商。
我们坚决反对这些毫无根据的指责，其目的只是为了转移人们的注意力，不会得逞。
部长感谢救援人员的辛勤工作，并宣布大桥将在今年年底之前重新开放。""",
}
