/** What keepalived.data says of announcements: the defaults, and the paces that interfaces keep. */
import type { Config } from '../../config/model.ts';
import type { GarpGroup } from '../../config/model-network.ts';
import { flag, seconds } from './text.ts';

type Settings = Config['settings'];

/** Lines of the global section. Values that another process than VRRP's has not resolved it shows as the largest number. */
export function garpDefaults(settings: Settings, resolved: boolean): string[] {
  const least = settings.vrrp_min_garp === true;
  const delay = seconds(settings.vrrp_garp_master_delay ?? (least ? 0 : 5000));
  const repeat = String(settings.vrrp_garp_master_repeat ?? (least ? 1 : 5));
  const { vrrp_garp_lower_prio_delay: lowerDelay, vrrp_garp_lower_prio_repeat: lowerRepeat, vrrp_garp_extra_if: extra } = settings;
  return [
    ` Gratuitous ARP delay = ${delay}`,
    ` Gratuitous ARP repeat = ${repeat}`,
    ` Gratuitous ARP refresh timer = ${seconds(settings.vrrp_garp_master_refresh ?? 0)}`,
    ` Gratuitous ARP refresh repeat = ${String(settings.vrrp_garp_master_refresh_repeat ?? (least ? 0 : 1))}`,
    ` Gratuitous ARP lower priority delay = ${lowerDelay !== undefined ? seconds(lowerDelay) : resolved ? delay : UNRESOLVED}`,
    ` Gratuitous ARP lower priority repeat = ${lowerRepeat !== undefined ? String(lowerRepeat) : resolved ? repeat : UNRESOLVED}`,
    ` Num adverts before down = ${String(settings.vrrp_down_timer_adverts ?? 3)}`,
    ` Gratuitous ARP for each secondary ${extra?.all === true ? 'i/f' : 'VMAC'} = ${String(extra?.seconds ?? 0)}s`,
    ` Send advert after receive lower priority advert = ${flag(settings.vrrp_lower_prio_no_advert !== true)}`,
    ` Send advert after receive higher priority advert = ${flag(settings.vrrp_higher_prio_send_advert)}`,
    ` Gratuitous ARP interval = ${decimal(settings.vrrp_garp_interval)}`,
    ` Gratuitous NA interval = ${decimal(settings.vrrp_gna_interval)}`,
  ];
}

/** garp_group, and the global intervals for every other interface that an instance is on: a group of its own for each. */
export function garpGroups(groups: readonly GarpGroup[], settings: Settings, links: readonly string[]): readonly { readonly lines: readonly string[]; readonly group: GarpGroup }[] {
  const pace = { arpInterval: settings.vrrp_garp_interval ?? 0, naInterval: settings.vrrp_gna_interval ?? 0 };
  const rest = pace.arpInterval > 0 || pace.naInterval > 0 ? links.filter((link) => !groups.some((group) => group.links.includes(link))) : [];
  return [...groups, ...rest.map((link) => ({ ...pace, links: [link] }))].map((group) => ({ group, lines: groupLines(group) }));
}

/** Of one interface in the section of interfaces. */
export function paceLines(groups: ReturnType<typeof garpGroups>, link: string): string[] {
  const group = groups.find((one) => one.group.links.includes(link))?.group;
  if (group === undefined) return [];
  return [
    ...(group.arpInterval > 0 ? [`   Gratuitous ARP interval ${String(group.arpInterval)}ms`] : []),
    ...(group.naInterval > 0 ? [`   Gratuitous NA interval ${String(group.naInterval)}ms`] : []),
  ];
}

const UNRESOLVED = '4294967295';

/** keepalived numbers none of them. */
function groupLines({ arpInterval, naInterval, links }: GarpGroup): string[] {
  const line = (name: string, interval: number): string[] => (interval > 0 ? [` ${name} interval = ${seconds(interval)}`] : []);
  return ['------< GARP delay group 0 >------', ...line('GARP', arpInterval), ...line('GNA', naInterval), ' Interfaces', ...links.map((link) => `  ${link}`)];
}

function decimal(millis: number | undefined): string {
  return ((millis ?? 0) / 1000).toFixed(6);
}
