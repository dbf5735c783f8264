/* lang - see lang.h. One row a sentence, so that nobody adds one language and forgets two. */
#include "agents/link/lang.h"

#include <string.h>

#include "proto/base/banned.h"

static const char *const codes[LANG_COUNT] = {"tg", "ru", "en"};

/* clang-format off */
static const char *const table[SAY_COUNT][LANG_COUNT] = {
    [SAY_KEPT_ON_ITS_WAY] = {
        "нигоҳ дошта шуд; фиристода мешавад",
        "сохранено; отправляется",
        "kept; on its way"},
    [SAY_KEPT_NO_LINK] = {
        "нигоҳ дошта шуд; ҳанӯз фиристода нашудааст: алоқа нест",
        "сохранено; ещё не отправлено: нет связи",
        "kept; not sent yet: no link"},
    [SAY_KEPT_BEFORE] = {
        "бо ин калид пештар гуфта шуда буд; такроран фиристода намешавад",
        "с этим ключом уже сообщалось; повторно не отправляется",
        "said before with this key; not said again"},
    [SAY_STORED] = {"сабт шуд", "записано", "stored"},
    [SAY_REFUSED] = {"рад шуд", "отклонено", "refused"},
    [SAY_NOT_TAKEN] = {"қабул нашуд", "не принято", "not taken"},
    [SAY_NOT_IN_TIME] = {
        "тасдиқ сари вақт нарасид; паём нигоҳ дошта шуд ва дертар фиристода мешавад",
        "подтверждение не пришло вовремя; сообщение сохранено и будет отправлено позже",
        "no receipt in time; it is kept and will be sent later"},
    [SAY_WHAT_SHALL_I_DO] = {
        "чӣ кор кунам? --help фармонҳоро нишон медиҳад",
        "что сделать? --help покажет команды",
        "what shall I do? --help lists the commands"},
    [SAY_NO_SUCH_COMMAND] = {"чунин фармон нест", "такой команды нет", "there is no such command"},
    [SAY_NO_SUCH_TYPE] = {
        "чунин навъи паём нест; мавҷуданд",
        "такого вида сообщений нет; есть",
        "there is no such kind of message; there are"},
    [SAY_DID_YOU_MEAN] = {"шояд", "может быть", "did you mean"},
    [SAY_WAITING] = {"дар интизор", "ожидает", "waiting"},
    [SAY_NOTHING_WAITS] = {
        "чизе дар интизор нест ва чизе рад нашудааст",
        "ничего не ожидает и ничего не отклонено",
        "nothing waits and nothing was refused"},
    [SAY_SEEN] = {"ҳамчун дидашуда қайд шуд", "отмечено как просмотренное", "marked as seen"},
    [SAY_NO_SUCH_ROW] = {
        "паёми радшуда бо ин рақам нест",
        "отклонённого сообщения с таким номером нет",
        "there is no refused message with this number"},
    [SAY_LINK_UP] = {"алоқа барқарор шуд", "связь есть", "linked"},
    [SAY_LINK_DOWN] = {"алоқа нест", "нет связи", "no link"},
    [SAY_TO_US] = {"ба мо", "нам", "to us"},
    [SAY_UNSIGNED] = {"имзо нашудааст", "не подписано", "not signed"},
    [SAY_UNCHECKED] = {"фиристанда санҷида нашуд", "отправитель не проверен", "sender not checked"},
    [SAY_PERSONAL] = {
        "маълумоти шахсӣ; хонда намешавад ва ҳеҷ гоҳ фиристода намешавад",
        "персональные данные; не читаются и никогда не отправляются",
        "personal data; it is not read and never leaves"},
    [SAY_SEALED] = {
        "маълумоти шахсӣ; танҳо мӯҳршуда фиристода мешавад",
        "персональные данные; отправляются только запечатанными",
        "personal data; it leaves sealed only"},
    [SAY_IT_OPENS] = {"кушода мешавад; нишон дода нашуд", "открывается; не показано",
                      "it opens; not shown"},
    [SAY_CHANGED] = {"нав ё тағйирёфта", "новых или изменённых", "new or changed"},
    [SAY_UNCHANGED] = {"бетағйир", "без изменений", "unchanged"},
    [SAY_ROW_NOT_TAKEN] = {
        "сатр қабул нашуд, аз ҷадвал чизе фиристода нашуд",
        "строка не принята, из таблицы ничего не отправлено",
        "row not taken, nothing of the table was sent"},
    [SAY_TWO_MUST_SIGN] = {
        "санадро бояд ҳадди ақал ду нафар имзо кунанд (--signed)",
        "акт должны подписать не менее двух лиц (--signed)",
        "an act needs at least two signatories (--signed)"},
    [SAY_REASON_WANTED] = {
        "рад кардани пешниҳод ҳадди ақал як сабаб мехоҳад (--reason)",
        "отказ от предложения требует хотя бы одной причины (--reason)",
        "declining an offer needs at least one reason (--reason)"},
    [SAY_NO_HOUSEHOLDS] = {
        "ҳанӯз ягон хонавода ба қайд гирифта нашудааст",
        "ни одно домохозяйство ещё не учтено",
        "no household is registered yet"},
    [SAY_PIECES_KEPT] = {"қисм нигоҳ дошта шуд", "частей сохранено", "pieces kept"},
    [SAY_PIECES_STORED] = {"қисм сабт шуд", "частей записано", "pieces stored"},
    [SAY_ID_WANTED] = {
        "рақами паём лозим аст; фармони inbox онро нишон медиҳад",
        "нужен номер сообщения; его показывает команда inbox",
        "it wants the ID of the message; inbox shows it"},
    [SAY_BECAUSE_WANTED] = {
        "рад кардан сабаб мехоҳад (--because)",
        "отказ требует причины (--because)",
        "rejecting needs a reason (--because)"},
    [SAY_ONE_WORD] = {
        "як калима бошад, масалан road_closed; ҷумларо дар --text нависед",
        "одно слово, например road_closed; фразу пишите в --text",
        "one word, such as road_closed; --text takes the sentence"},
    [SAY_NOTHING_HEARD] = {
        "ҳанӯз чизе нарасидааст",
        "пока ничего не поступало",
        "nothing has come yet"},
    [SAY_LEVEL_STORED] = {"сабт шуд", "записано", "stored"},
    [SAY_LEVEL_DELIVERED] = {"расонида шуд", "доставлено", "delivered"},
    [SAY_LEVEL_DISPLAYED] = {"нишон дода шуд", "показано", "displayed"},
    [SAY_LEVEL_ACCEPTED] = {"қабул шуд", "принято", "accepted"},
    [SAY_LEVEL_REJECTED] = {"рад карда шуд", "отказано", "rejected"},
    [SAY_LEVEL_EXPIRED] = {
        "мӯҳлат гузашт, ҷавоб нашуд",
        "срок истёк, ответа не было",
        "expired, nobody answered"},
    [SAY_LEVEL_UNDELIVERABLE] = {
        "расонидан имкон надорад",
        "доставить некому",
        "undeliverable"},
};
/* clang-format on */

enum status lang_parse(const char *word, enum lang *out)
{
    for (int i = 0; i < LANG_COUNT; i++)
        if (strcmp(word, codes[i]) == 0) {
            *out = (enum lang)i;
            return ST_OK;
        }
    return ST_INVALID;
}

const char *lang_say(enum lang lang, enum say what)
{
    return table[what][lang];
}
