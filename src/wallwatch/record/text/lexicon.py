"""The words that attribution goes by: verbs of saying, roles, bodies, outlets, and words that end a name."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Final


def _forms(*groups: str) -> frozenset[str]:
    return frozenset(word for group in groups for word in group.split())


#: Finite verbs that report words, as they stand in text.
SAYING: Final = _forms(
    "said says stated states told tells wrote writes added adds announced announces claimed claims warned warns",
    "explained explains argued argues insisted insists noted notes declared declares denied denies confirmed confirms",
    "acknowledged acknowledges admitted admits stressed stresses emphasised emphasized emphasises emphasizes tweeted",
    "tweets posted posts reported reports commented comments responded responds replied replies asked asks promised",
    "promises vowed vows pledged pledges called calls described describes criticised criticized criticises criticizes",
    "urged urges demanded demands ordered orders instructed instructs accused accuses complained complains revealed",
    "reveals disclosed discloses suggested suggests predicted predicts testified testifies concluded concludes continued",
    "continues recalled recalls remarked remarks asserted asserts alleged alleges maintained maintains cautioned cautions",
    "reiterated reiterates underlined underlines underscored boasted joked expressed expresses dismissed dismisses rejected",
    "rejects condemned condemns denounced denounces hailed hails praised praises defended defends justified justifies",
    "threatened threatens clarified clarifies observed observes proclaimed shouted chanted quipped lamented laments blamed",
    "blames mentioned mentions read reads informed informs advised advises apologised apologized conceded concedes cited",
    "cites questioned questions pointed contended contends affirmed affirms recounted agreed agrees published publishes",
    "quoted quotes retorted branded brands labelled labeled dubbed deplored decried decries summed lauded",
    "characterised characterized slammed slams blasted welcomed welcomes instructs directed directs stipulates stipulated",
)
#: Participles that report words of the sentence's subject.
PARTICIPLES: Final = _forms(
    "saying adding citing calling warning claiming arguing noting insisting describing telling accusing urging",
    "stating stressing writing declaring announcing explaining promising denying blaming demanding asserting",
    "alleging pointing condemning criticising criticizing branding labelling labeling tweeting posting emphasising",
    "emphasizing reading quoting asking ordering",
)
#: Verbs after which a clause without quotation marks is reported speech.
REPORTING: Final = _forms(
    "said says stated states told announced announces claimed claims warned warns denied denies confirmed confirms",
    "acknowledged acknowledges admitted admits reported reports declared declares explained tweeted wrote noted notes",
    "added insisted insists disclosed revealed promised pledged vowed alleged clarified argued conceded",
)

PRONOUNS: Final = _forms("he she they it we i who")
PERSONAL: Final = _forms("he she")

#: Words of respect before a name, and offices; the last of them before a name ends the role.
TITLES: Final = _forms(
    "mr mrs ms miss dr prof professor sir lady lord dame sheikh shaikh imam mullah ayatollah hojatoleslam hojjatoleslam mufti",
    "rabbi bishop archbishop cardinal pope father sister brother reverend rev fr king queen prince princess sultan emir",
    "president vice-president premier prime minister chancellor secretary undersecretary spokesman spokeswoman",
    "spokesperson director director-general chief commander general gen lieutenant lt colonel col major maj captain capt",
    "sergeant sgt admiral brigadier marshal governor gov mayor senator sen representative rep congressman congresswoman",
    "lawmaker legislator deputy mp ambassador envoy consul commissioner chairman chairwoman chairperson chair ceo cto",
    "cfo coo judge justice magistrate prosecutor attorney advocate lawyer solicitor activist campaigner researcher",
    "analyst expert economist engineer journalist reporter editor editor-in-chief columnist correspondent author writer",
    "blogger founder co-founder cofounder coordinator head leader cleric official officer manager executive adviser",
    "advisor aide speaker principal student resident teacher doctor nurse shopkeeper trader minister-counsellor candidate",
    "premier-elect president-elect provost rector dean scholar scientist inspector superintendent detective sheriff",
    "ombudsman rapporteur registrar regulator technologist programmer developer owner driver farmer user protester",
    "demonstrator businessman businesswoman entrepreneur historian politician diplomat councillor councilor",
)
#: Before another word of a role.
ROLE_BEFORE: Final = _forms(
    "deputy vice former ex acting interim assistant senior junior chief first second supreme prime foreign interior",
    "information communications communication telecommunications defence defense justice education health finance",
    "national federal regional provincial press government state police army military security opposition rights",
    "human digital internet legal political party technology ict cabinet principal permanent executive managing",
    "general attorney friday prayer parliament parliamentary presidential royal union student county district",
    "outgoing incumbent newly-appointed top veteran leading local independent lead co media public affairs relations",
)
#: What a ministry or an office is for: the name of its holder begins after these.
PORTFOLIO: Final = _forms(
    "posts post telecommunications telecommunication telecoms information communication communications technology",
    "technologies interior justice defence defense health education finance foreign affairs home internal security culture",
    "islamic guidance youth sports sport transport transportation energy ict digital digitalization development economy",
    "economic economics trade industry labour labor social women public works agriculture planning innovation science",
    "research broadcasting media state national higher local government mines environment tourism and of for the",
)
#: Words that make a name one of a body and not of a person.
BODY: Final = _forms(
    "ministry commission authority agency council committee parliament assembly senate congress party company ltd limited",
    "inc corp corporation group foundation organisation organization union court police army bank university network",
    "networks telecom telecommunications telecommunication board bureau office department government institute association",
    "news times post daily herald tribune gazette press broadcaster television tv radio channel website newspaper weekly",
    "magazine journal service services secretariat presidency cabinet regulator operator force forces guard guards corps",
    "alliance coalition federation society centre center observatory initiative project watch international nations",
    "rights access now frontiers reporters journalists house administration directorate division unit team staff",
    "communications mobile broadband systems technologies technology labs lab monitor tracker front movement league",
    "judiciary prosecution tribunal registry exchange airport railways embassy mission delegation fund trust college",
    "school syndicate chamber kremlin pentagon whitehouse state-media junta military regime militia airlines industries",
)
#: Nouns of authorities that may speak without a name.
AUTHORITIES: Final = _forms(
    "ministry government regulator company operator authority commission police court parliament army military agency",
    "cabinet presidency department council committee junta board firm provider judiciary prosecutor spokesman spokeswoman",
    "spokesperson minister president official governor party union group organisation organization watchdog embassy",
    "bill law decree statement notice newspaper daily broadcaster website outlet bank university association administration",
)
#: Nouns of outlets; a name beside one is that of an outlet.
OUTLET_NOUNS: Final = _forms(
    "daily newspaper agency website weekly magazine broadcaster television tv radio channel paper outlet portal tabloid",
    "station journal newsletter blog podcast newswire wire",
)
#: Of many or nobody: not a speaker of reported speech without marks.
VAGUE: Final = _forms(
    "critics residents users activists experts analysts observers lawmakers people some many others sources witnesses",
    "protesters officials opponents supporters everyone nobody anyone those these this that which what there",
)

#: Words that a capital letter does not make a name.
COMMON: Final = _forms(
    "the a an in on at by for from of to with and but or nor so yet as if when while after before since because although",
    "though however meanwhile moreover therefore furthermore also additionally still then now here there this that these",
    "those his her their its our my your he she they it we i you who what where why how not no yes all some many most",
    "other another such both each every according despite during under over between among about against without within",
    "earlier later recently today yesterday tomorrow tonight last next first second third secondly firstly finally above",
    "hours days weeks months years once only even just more less few several two three four five six seven eight nine ten",
    "please photo image file video read more watch see click follow share by credit caption source updated published",
    "rather instead thus hence indeed perhaps asked speaking writing quoting citing responding addressing until till",
    "critics residents users people protesters lawmakers officials activists experts observers analysts opponents",
    "authorities do does did is are was were be been has have had will would shall should can could may might must",
    "monday tuesday wednesday thursday friday saturday sunday january february march april june july august september",
    "october november december",
)
#: Inside a name, in small letters.
PARTICLES: Final = _forms(
    "al el bin ibn bint ben van von der den de del della di da dos du la le ul ur abu y e"
)
#: Inside the name of a body, in small letters.
JOINERS: Final = _forms("of for and the on to in without")

MALE: Final = _forms(
    "mr sir lord king prince sultan emir father brother spokesman congressman chairman businessman imam mullah ayatollah sheikh pope bishop cardinal rabbi"
)
FEMALE: Final = _forms(
    "mrs ms miss lady dame queen princess sister spokeswoman congresswoman chairwoman businesswoman"
)

#: Quotation marks after these hold a title or a name, not words said.
TITLED: Final = _forms(
    "film movie book novel song album series documentary show play poem essay report paper article titled entitled called",
    "named dubbed nicknamed codenamed hashtag hashtags slogan word term phrase acronym initiative campaign exhibition",
    "podcast operation project programme program game magazine painting chapter column headlined termed labelled",
    "so-called band episode thriller drama comedy keyword banner bestseller label category tag",
)


@cache
def outlets() -> dict[str, str]:
    """Names of well-known outlets and what sort each is; others are known by the word beside them."""
    text = files("wallwatch.record").joinpath("data/outlets.csv").read_text(encoding="utf-8")
    return {row["name"].lower(): row["sort"] for row in csv.DictReader(text.splitlines())}
